#!/usr/bin/env bash
# Prints the path of a Chromium, which the tests of the pages drive. Where there is none, it installs Debian's package.
#
#   scripts/chromium.sh
#
# CHROMIUM names one that is not among the usual names.
set -euo pipefail

say() { printf 'chromium: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

find_chromium() { # prints the path, or nothing
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    [[ -z $name ]] || ! command -v "$name" || return 0
  done
}

path=$(find_chromium)
if [[ -z $path ]]; then
  # A font too: without any, every letter would be an empty box.
  "$(dirname "${BASH_SOURCE[0]}")/apt.sh" chromium fonts-dejavu-core ||
    die "Chromium is missing. Install it (Debian: 'apt-get install chromium'; others: package 'chromium', or Google" \
      "Chrome), or set CHROMIUM to its path."
  path=$(find_chromium)
  [[ -n $path ]] || die "package 'chromium' is installed, but no chromium is on the PATH"
fi
printf '%s\n' "$path"
