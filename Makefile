# For those who work on Regent. `make help` lists what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help ready demo check types lint units test soak scenarios bench

export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export NODE_OPTIONS ?= --disable-warning=ExperimentalWarning
export FLAVOUR SEED NAME

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | awk -F'\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

ready: ## Node 24 and the packages, if they are missing
	@scripts/ensure-node.sh

demo: ## real servers, a writer, a fault, the recovery, the proof
	@bin/regent demo

check: ready ## the quick gate: types, lint, format, architecture, units
	@node scripts/test.ts types lint units

types lint units: ready
	@node scripts/test.ts $@

test: ready ## what every commit needs: check, contracts, each scenario on one flavour (FLAVOUR=mysql|mariadb|both SEED=n)
	@node scripts/test.ts types lint units contracts scenarios

soak: ready ## the full forms: both flavours, all repetitions (about an hour)
	@FLAVOUR=both REGENT_SOAK=1 node scripts/test.ts types lint units contracts scenarios

scenarios: ready ## real servers, one story each (NAME=part-of-a-name FLAVOUR=… SEED=…)
	@node scripts/test.ts scenarios

BENCHES := failover gtid watch
bench: ready ## one bench (NAME=failover|gtid|watch)
	@case " $(BENCHES) " in *" $(or $(NAME),none) "*) ;; *) echo "name one: make bench NAME=..., of: $(BENCHES)" >&2; exit 2 ;; esac
	@[ $(NAME) = gtid ] || scripts/fetch-servers.sh mariadb mysql
	@node "bench/$(NAME).ts"
