#!/usr/bin/env bash
# Installs what the suite reads the files of deploy/ with: Prometheus, its promtool, and systemd-analyze.
#
#   scripts/operator-tools.sh
#
# Where they cannot be had, that is no failure: the suite leaves out what needs them and lists it at its end. Only where CI=true do its tests
# fail.
set -euo pipefail

packages=()
{ command -v prometheus && command -v promtool; } >/dev/null || packages+=(prometheus)
command -v systemd-analyze >/dev/null || packages+=(systemd)
for package in ${packages[@]+"${packages[@]}"}; do
  "$(dirname "${BASH_SOURCE[0]}")/apt.sh" "$package" || printf 'operator-tools: %s is not there, so its part is not tested here\n' "$package" >&2
done
