#!/usr/bin/env bash
# Prints the path of PgBouncer, behind which the suite runs the service. Where there is none, it installs Debian's package.
#
#   scripts/pgbouncer.sh
#
# PGBOUNCER names one that is not on the PATH.
set -euo pipefail

say() { printf 'pgbouncer: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

find_pgbouncer() { # prints the path, or nothing
  local name
  for name in "${PGBOUNCER:-}" pgbouncer /usr/sbin/pgbouncer /usr/local/sbin/pgbouncer; do
    [[ -z $name ]] || ! command -v "$name" || return 0
  done
}

install_pgbouncer() {
  local root=()
  ((EUID == 0)) || root=(sudo -n)
  if ! command -v apt-get >/dev/null || ! "${root[@]}" true 2>/dev/null; then
    die "PgBouncer is missing and cannot be installed from here. Install package 'pgbouncer', or set PGBOUNCER to its path."
  fi
  (
    # One at a time: apt does not queue by itself.
    flock 9
    [[ -z $(find_pgbouncer) ]] || exit 0
    say "installing PgBouncer (package 'pgbouncer')"
    # The package would start a pooler of its own on port 6432. Nobody asked for that here.
    local policy=/usr/sbin/policy-rc.d mine='' code=0
    if [[ ! -e $policy ]]; then
      mine=yes
      printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
      "${root[@]}" chmod 755 "$policy"
    fi
    {
      "${root[@]}" apt-get update -q &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
          apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=300 pgbouncer
    } >&2 || code=$?
    [[ -z $mine ]] || "${root[@]}" rm -f "$policy"
    exit "$code"
  ) 9</var/lib || die "installing package 'pgbouncer' failed"
}

path=$(find_pgbouncer)
if [[ -z $path ]]; then
  install_pgbouncer
  path=$(find_pgbouncer)
  [[ -n $path ]] || die "package 'pgbouncer' is installed, but no pgbouncer is on the PATH"
fi
printf '%s\n' "$path"
