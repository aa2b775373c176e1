#!/bin/sh
# Makes sure that node_modules is there and belongs to package-lock.json, and that node_modules/.bin/node is Node 24: the
# machine's own Node (20 or later) only bootstraps. Progress goes to stderr; stdout stays empty. Quick when nothing is to do.
set -eu

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
cd "$root"
ready=node_modules/.regent-ready
node=node_modules/.bin/node

say() { printf 'ensure-node: %s\n' "$*" >&2; }
fail() {
  say "cannot go on: $1"
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 4
}
up_to_date() { [ -x "$node" ] && [ -e "$ready" ] && [ ! package-lock.json -nt "$ready" ]; }
is_node_24() { case $("$node" --version 2>/dev/null || true) in v24.*) return 0 ;; *) return 1 ;; esac; }

if up_to_date; then exit 0; fi
command -v npm >/dev/null 2>&1 || fail "npm is missing" "try: apt-get install npm   (or any Node 20 or later with npm)"

# One at a time: two installations into one folder spoil each other.
if command -v flock >/dev/null 2>&1; then
  exec 9<package.json
  flock -n 9 || { say "another run is installing the packages: waiting for it" && flock 9; }
  if up_to_date; then exit 0; fi
fi

npm_quietly() { npm "$@" --no-audit --no-fund --loglevel=error </dev/null >&2; }

# `npm ci` refuses a lock that was made where the registry lacks other platforms' optional packages. `npm install --no-save`
# installs the same locked versions from it, and leaves the lock as it is.
say "installing the packages of package-lock.json (about half a minute)"
if [ -d node_modules ] || ! npm_quietly ci 2>/dev/null; then
  npm_quietly install --no-save || fail "npm install failed (its lines are above)" "try: rm -rf node_modules && npm install"
fi

# The package `node` fetches the program in an install script, which npm may have refused to run.
if ! is_node_24; then
  say "fetching Node 24 (the install script of the package 'node')"
  npm_quietly rebuild node --foreground-scripts || true
  if ! is_node_24 && [ -e node_modules/node/package.json ]; then
    script=$(node -p 'require("./node_modules/node/package.json").scripts?.preinstall ?? ""')
    [ -z "$script" ] || (cd node_modules/node && PATH="$PATH" sh -c "$script" </dev/null >&2) || true
    # npm links a program only if it is there when the package is unpacked.
    [ ! -x node_modules/node/bin/node ] || ln -sf ../node/bin/node "$node"
  fi
fi
is_node_24 || fail "node_modules/.bin/node is not Node 24 (it says: $("$node" --version 2>&1 || true))" \
  "try: npm install-scripts approve node && npm rebuild node" \
  "or put a Node 24 there by hand: ln -sf /path/to/node24 $root/$node"
touch "$ready"
say "ready: Node $("$node" --version)"
