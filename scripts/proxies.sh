#!/usr/bin/env bash
# Installs the proxies of docs/operations.md, behind which the suite runs the service, as far as Debian and Ubuntu have them.
#
#   scripts/proxies.sh
#
# What cannot be installed is named, and that is no failure: the suite leaves those proxies out and lists them at its end.
# Only where CI=true do their tests fail.
set -euo pipefail

packages=()
for program in nginx haproxy caddy; do
  # Not every user has the folders of servers on the PATH.
  PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$program" >/dev/null || packages+=("$program")
done

# One by one: an older system has no Caddy.
for package in ${packages[@]+"${packages[@]}"}; do
  "$(dirname "${BASH_SOURCE[0]}")/apt.sh" "$package" || printf 'proxies: %s is not tested here\n' "$package" >&2
done
