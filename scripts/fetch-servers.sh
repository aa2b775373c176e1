#!/bin/bash
# Makes sure that the real servers which tests, benches and the demo run are on this machine.
#
#   scripts/fetch-servers.sh [mariadb] [mariadb118] [mysql]        (default: mariadb)
#
# MariaDB comes from the system's own packages. MySQL 9.x is not in Debian's stable releases, and MariaDB 11.8 not in each:
# they are fetched with a private apt state and unpacked to .servers/mysql and .servers/mariadb118; nothing of the system is
# changed and no root is needed for it. REGENT_MARIADBD and REGENT_MYSQLD name servers to be used instead; the second
# MariaDB is used only when it is so named. Progress goes to stderr; stdout stays empty.
#
# Safe to interrupt and to run twice at once: a download becomes its folder by one rename, after the server in it
# has answered --version, and a lock makes a second run wait for the first.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
servers=$here/.servers

say() { printf 'fetch-servers: %s\n' "$*" >&2; }
fail() {
  say "cannot go on: $1"
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 4
}
need() { command -v "$1" >/dev/null 2>&1 || fail "the command '$1' is missing" "try: $2"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

usable() { # usable VARIABLE: 0 if it names a program, 1 if unset; a wrong value is an error, not a silent fallback
  local value=${!1:-}
  [ -n "$value" ] || return 1
  [ -x "$value" ] || fail "$1=$value is not a program" "try: unset $1, or let it name a mysqld / mariadbd"
}

# --- MariaDB: the system's package ---

mariadb_missing() {
  command -v mariadbd >/dev/null 2>&1 || [ -x /usr/sbin/mariadbd ] || { echo mariadb-server && return; }
  command -v mariadb-install-db >/dev/null 2>&1 || { echo mariadb-server && return; }
  command -v mariadb-backup >/dev/null 2>&1 || echo mariadb-backup
}

fetch_mariadb() {
  if usable REGENT_MARIADBD; then return; fi
  [ -n "$(mariadb_missing)" ] || return 0
  local install='apt-get install --no-install-recommends mariadb-server mariadb-backup'
  need apt-get "install MariaDB 10.11 or later and set REGENT_MARIADBD=/path/to/mariadbd"
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    fail "MariaDB is missing, and installing it needs root" "try: sudo $install" "or set REGENT_MARIADBD=/path/to/mariadbd"
  fi
  say "installing MariaDB (mariadb-server, mariadb-backup) by apt-get"
  local log
  log=$(mktemp)
  local quietly=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  if ! as_root "${quietly[@]}" install --no-install-recommends mariadb-server mariadb-backup </dev/null >"$log" 2>&1; then
    say "refreshing the package lists first"
    { as_root "${quietly[@]}" update && as_root "${quietly[@]}" install --no-install-recommends mariadb-server mariadb-backup; } \
      </dev/null >>"$log" 2>&1 || {
      tail -n 15 "$log" >&2
      rm -f "$log"
      fail "MariaDB could not be installed (the lines above are apt's)" "try: $install"
    }
  fi
  rm -f "$log"
  [ -z "$(mariadb_missing)" ] || fail "apt-get succeeded, but $(mariadb_missing) is still missing" "try: $install"
  say "MariaDB is installed"
}

# --- MySQL: unpacked beside the checkout ---

# The mirror that this machine already uses. Never a host of our own choosing (closed networks, mirrors).
system_mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$codename" '
      $3 != "main" { next }
      $1 !~ /debian/ || $1 ~ /security/ || $2 ~ /(security|updates|backports)/ { next }
      { rank = ($2 == release) ? 1 : 2 }
      best == "" || rank < best { best = rank; line = $1 }
      END { print line }'
}

private_apt() {
  local user=()
  # As root apt would drop to a user that cannot write into the checkout.
  [ "$(id -u)" != 0 ] || user=(-o APT::Sandbox::User=root)
  apt-get -q "${user[@]}" -o Dir::State="$apt/state" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Cache="$apt/cache" \
    -o APT::Install-Recommends=false -o APT::Update::Error-Mode=any -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

private_apt_or_fail() { # what-for, what-instead, arguments...
  local what=$1 instead=$2 log=$apt/log
  shift 2
  private_apt "$@" </dev/null >"$log" 2>&1 && return
  tail -n 15 "$log" >&2
  fail "$what failed (the lines above are apt's)" "mirror used: $(cut -d' ' -f3- "$apt/sources.list")" \
    "try again later, or $instead"
}

version_of() { # ROOT PROGRAM: prints the version, run by the root's own loader, because its libc is newer than the system's
  local libs
  libs=$(dirname "$(find "$1/usr/lib" -name 'libc.so.6' | head -n 1)")
  local loader
  loader=$(find "$libs/" -maxdepth 1 -name 'ld-linux*.so.*' | head -n 1)
  [ -n "$loader" ] || loader=$(find "$1/usr/lib" "$1/usr/lib64" -maxdepth 1 -name 'ld-linux*.so.*' 2>/dev/null | head -n 1)
  "$loader" --library-path "$libs" "$1/usr/sbin/$2" --no-defaults --version
}

prune() { # ROOT: what a server never reads when it runs
  rm -rf "$1"/usr/share/{doc,man,info,locale,lintian,bash-completion,mysql-test,perl,perl5,i18n,zoneinfo,apport} \
    "$1"/usr/lib/{debug,mysql-test} "$1"/usr/lib/*/{perl,perl-base,perl5,gconv,debug} \
    "$1"/usr/sbin/mysqld-debug "$1"/usr/lib/mysql/plugin/debug "$1"/var
  find "$1" \( -name '*.a' -o -name '*-debug' \) -delete
}

# fetch_unpacked NAME LABEL SUITE PROGRAM VARIABLE PACKAGE...: the packages of one Debian suite, unpacked to .servers/NAME
fetch_unpacked() {
  local name=$1 label=$2 suite=$3 program=$4 variable=$5
  shift 5
  local instead="set $variable=/path/to/$program"
  [ ! -x "$servers/$name/usr/sbin/$program" ] || return 0
  need apt-get "$instead"
  need dpkg "$instead"
  mkdir -p "$servers"
  exec 9>"$servers/.lock"
  if ! flock -n 9; then
    say "another run is fetching a server: waiting for it"
    flock 9
  fi
  [ ! -x "$servers/$name/usr/sbin/$program" ] || return 0

  local uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  uri=$(system_mirror) || uri=
  [ -n "$uri" ] || fail "this system's apt sources name no Debian mirror" \
    "try: add one to /etc/apt/sources.list.d/, or $instead"
  [ -r "$keyring" ] || fail "Debian's keyring is missing" "try: apt-get install debian-archive-keyring"

  apt=$servers/apt
  rm -rf "$apt"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/state"
  # Empty, so that apt fetches every library too: the unpacked server must not lean on this system's libc.
  : >"$apt/status"
  echo "deb [signed-by=$keyring] $uri $suite main" >"$apt/sources.list"

  say "$label 1/3: reading Debian's package lists (about 10 MB)"
  private_apt_or_fail "reading the package lists" "$instead" update
  say "$label 2/3: downloading $* and their libraries (30 to 65 MB)"
  private_apt_or_fail "the download of $label" "$instead" -y --download-only install "$@"
  say "$label 3/3: unpacking"
  new=$servers/$name.new.$$
  trap 'rm -rf "$new"' EXIT
  rm -rf "$servers/$name".new.*
  mkdir "$new"
  # A merged /usr must stand before the first package, else early ones make real lib and lib64 directories.
  mkdir -p "$new"/usr/{bin,sbin,lib,lib64}
  ln -s usr/bin "$new/bin" && ln -s usr/sbin "$new/sbin" && ln -s usr/lib "$new/lib" && ln -s usr/lib64 "$new/lib64"
  local deb
  for deb in "$apt"/cache/archives/*.deb; do
    dpkg --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$new" --no-same-owner
  done
  prune "$new"
  local version
  version=$(version_of "$new" "$program" 2>&1) || fail "the unpacked server does not run: $version" \
    "try: rm -rf $servers, then again; or $instead"
  rm -rf "${servers:?}/$name"
  mv "$new" "$servers/$name"
  # The archives and lists are only needed to unpack once; 150 MB that nobody reads again.
  rm -rf "$apt"
  # Another server may follow in this run: it takes the lock anew.
  exec 9>&-
  say "$label is ready: $(sed 's/.*Ver \([^ ]*\).*/\1/' <<<"$version")"
}

fetch_mysql() {
  if usable REGENT_MYSQLD; then return; fi
  fetch_unpacked mysql MySQL sid mysqld REGENT_MYSQLD mysql-server-core mysql-client-core
}

# Beside the system's own MariaDB, for REGENT_MARIADBD=.servers/mariadb118/usr/sbin/mariadbd. The core has all that a sandbox
# needs: semi-sync is built in, and the data directory is made from the core's own statements.
fetch_mariadb118() {
  fetch_unpacked mariadb118 'MariaDB 11.8' trixie mariadbd REGENT_MARIADBD mariadb-server-core mariadb-client-core
}

[ $# -gt 0 ] || set -- mariadb
for flavour in "$@"; do
  case $flavour in
    mariadb) fetch_mariadb ;;
    mariadb118) fetch_mariadb118 ;;
    mysql) fetch_mysql ;;
    *)
      say "unknown server '$flavour' (known: mariadb, mariadb118, mysql)"
      exit 2
      ;;
  esac
done
