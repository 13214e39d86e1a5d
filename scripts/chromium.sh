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

install_chromium() {
  local root=()
  ((EUID == 0)) || root=(sudo -n)
  if ! command -v apt-get >/dev/null || ! "${root[@]}" true 2>/dev/null; then
    die "Chromium is missing and cannot be installed from here. Install it (Debian: 'apt-get install chromium'; others:" \
      "package 'chromium', or Google Chrome), or set CHROMIUM to its path."
  fi
  (
    # One at a time: apt does not queue by itself.
    flock 9
    [[ -z $(find_chromium) ]] || exit 0
    say "installing Chromium (package 'chromium')"
    # A font too: without any, every letter would be an empty box.
    {
      "${root[@]}" apt-get update -q &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
          apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=300 chromium fonts-dejavu-core
    } >&2
  ) 9</var/lib || die "installing package 'chromium' failed"
}

path=$(find_chromium)
if [[ -z $path ]]; then
  install_chromium
  path=$(find_chromium)
  [[ -n $path ]] || die "package 'chromium' is installed, but no chromium is on the PATH"
fi
printf '%s\n' "$path"
