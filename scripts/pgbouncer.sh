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
  [[ $(dpkg --print-architecture) == amd64 ]] || return 1
  say "unpacking Debian 13's PgBouncer into $unpacked"
  scripts/unpack-debian.sh trixie "$unpacked/root" pgbouncer || return 1
  # With Debian 13's own loader and libraries, whatever this system has.
  cat >"$unpacked/pgbouncer" <<'SCRIPT'
#!/bin/sh
root=$(dirname "$0")/root
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/sbin/pgbouncer" "$@"
SCRIPT
  chmod 755 "$unpacked/pgbouncer"
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
