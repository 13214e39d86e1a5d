#!/usr/bin/env bash
# Installs what the suite reads the files of deploy/ with and builds the container image with: Prometheus, its promtool, systemd-analyze,
# docker-compose and umoci. What is in the image besides the binary is downloaded into the build directory.
#
#   scripts/operator-tools.sh
#
# Where they cannot be had, that is no failure: the suite leaves out what needs them and lists it at its end. Only where CI=true do its tests
# fail.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lacks() { printf 'operator-tools: %s is not there, so its part is not tested here\n' "$1" >&2; }

packages=()
{ command -v prometheus && command -v promtool; } >/dev/null || packages+=(prometheus)
command -v systemd-analyze >/dev/null || packages+=(systemd)
command -v docker-compose >/dev/null || packages+=(docker-compose)
command -v umoci >/dev/null || packages+=(umoci)
for package in ${packages[@]+"${packages[@]}"}; do scripts/apt.sh "$package" || lacks "$package"; done

image=${CARGO_TARGET_DIR:-target}/image-packages
[[ -d $image ]] || scripts/image-packages.sh "$image" || lacks "what the image holds"
