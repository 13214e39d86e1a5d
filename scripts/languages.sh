#!/usr/bin/env bash
# Installs the languages in which tests/clients are written, as far as Debian and Ubuntu have them: all but C#.
#
#   scripts/languages.sh
#
# What cannot be installed is named, and that is no failure: the suite leaves those clients out and lists them at its
# end. Only where CI=true do their tests fail.
set -euo pipefail

packages=()
need() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null || packages+=("$2")
}
need curl curl
need python3 python3
need perl perl
need php php-cli
need go golang-go
# A run-time environment alone does not compile, so it cannot run a source file.
need javac default-jdk-headless

((${#packages[@]} == 0)) || "$(dirname "${BASH_SOURCE[0]}")/apt.sh" "${packages[@]}" ||
  printf 'languages: without %s some clients are not tested here\n' "${packages[*]}" >&2
