#!/usr/bin/env bash
# Installs packages of Debian or Ubuntu that the suite needs. It sets up and starts none of the services they bring.
#
#   scripts/apt.sh PACKAGE…
#
# Whoever is not root needs sudo without a password; this script never asks for one. With everything installed already
# it does nothing.
set -euo pipefail

say() { printf 'apt: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

(($# > 0)) || { echo "usage: $0 PACKAGE…" >&2; exit 2; }

missing() { # prints those of the packages that are not installed
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

command -v apt-get >/dev/null || die "this system has no apt-get; install yourself what Debian calls: $*"
[[ -n $(missing "$@") ]] || exit 0
root=()
((EUID == 0)) || root=(sudo -n)
"${root[@]}" true 2>/dev/null ||
  die "only root, or a user with sudo without a password, can install packages: apt-get install $*"

# One at a time, whoever runs it: apt does not queue by itself. The other one may have installed the same.
exec 9</var/lib
flock 9
mapfile -t packages < <(missing "$@")
((${#packages[@]} > 0)) || exit 0

# Both files go away again, so that later installations on this machine start their services as ever. Descriptor 9 is
# kept from the programs below: the lock must not outlive this script.
policy=/usr/sbin/policy-rc.d no_cluster=/etc/postgresql-common/createcluster.d/sales-order-api.conf
written=("$no_cluster")
trap '"${root[@]}" rm -f "${written[@]}"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [[ ! -e $policy ]]; then
  written+=("$policy")
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
fi
"${root[@]}" mkdir -p "${no_cluster%/*}"
echo 'create_main_cluster = false' | "${root[@]}" tee "$no_cluster" >/dev/null

say "installing ${packages[*]}"
{
  "${root[@]}" apt-get update -q &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}"
} >&2 9<&- || die "apt-get could not install ${packages[*]}; its reason stands above"
