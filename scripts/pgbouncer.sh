#!/usr/bin/env bash
# Prints the path of PgBouncer, behind which the suite runs the service. Where there is none, it installs Debian's package.
#
#   scripts/pgbouncer.sh [OLDEST]
#
# With OLDEST, such as 1.21, an older one does not do: Debian 13's is then unpacked into the build directory, with the
# libraries it needs, and nothing of it is installed. TEST_PGBOUNCER names one that is not on the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly OLDEST=${1:-1.18}

say() { printf 'pgbouncer: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

is_new_enough() { # PATH
  local version
  version=$("$1" --version 2>/dev/null) && [[ $version =~ PgBouncer\ ([0-9.]+) ]] &&
    [[ $(printf '%s\n' "$OLDEST" "${BASH_REMATCH[1]}" | sort -V | head -n 1) == "$OLDEST" ]]
}

mkdir -p "${CARGO_TARGET_DIR:-target}"
unpacked=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/pgbouncer

find_pgbouncer() { # prints the path, or nothing
  local name path
  for name in "${TEST_PGBOUNCER:-}" pgbouncer /usr/sbin/pgbouncer /usr/local/sbin/pgbouncer "$unpacked/pgbouncer"; do
    if [[ -n $name ]] && path=$(command -v "$name") && is_new_enough "$path"; then
      echo "$path"
      return
    fi
  done
}

unpack_pgbouncer() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg new=$unpacked.new deb
  [[ -e $keys && $(dpkg --print-architecture) == amd64 ]] || return 1
  say "unpacking Debian 13's PgBouncer into $unpacked"
  rm -rf "$new" "$unpacked"
  mkdir -p "$new"/{root,debs,state/lists/partial,cache/archives/partial}
  : >"$new/status"
  echo "deb [signed-by=$keys] http://deb.debian.org/debian trixie main" >"$new/sources.list"
  # A package list of its own: the system's stays as it is.
  local apt=(apt-get -q -o Dir::Etc::sourcelist="$new/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State="$new/state" -o Dir::State::status="$new/status" -o Dir::Cache="$new/cache" -o APT::Sandbox::User=)
  "${apt[@]}" update >&2 || return 1
  (cd "$new/debs" && "${apt[@]}" download pgbouncer libc6 libevent-2.1-7t64 libcares2 libssl3t64 libsystemd0 libpam0g \
    libaudit1 libcap-ng0 libcap2 zlib1g libzstd1 >&2) || return 1
  for deb in "$new"/debs/*.deb; do dpkg-deb -x "$deb" "$new/root"; done
  # With Debian 13's own loader and libraries, whatever this system has.
  cat >"$new/pgbouncer" <<'SCRIPT'
#!/bin/sh
root=$(dirname "$0")/root
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/sbin/pgbouncer" "$@"
SCRIPT
  chmod 755 "$new/pgbouncer"
  rm -rf "$new"/{debs,state,cache}
  mv "$new" "$unpacked"
}

path=$(find_pgbouncer)
if [[ -z $path ]]; then
  if (($# == 0)); then
    scripts/apt.sh pgbouncer
  else
    # One at a time: another run may be unpacking it to the same place.
    (
      flock 9
      [[ -n $(find_pgbouncer) ]] || unpack_pgbouncer
    ) 9<"${unpacked%/*}"
  fi || die "PgBouncer $OLDEST or newer could not be had; set TEST_PGBOUNCER to the path of one"
  path=$(find_pgbouncer)
  [[ -n $path ]] || die "no PgBouncer of version $OLDEST or newer was found"
fi
printf '%s\n' "$path"
