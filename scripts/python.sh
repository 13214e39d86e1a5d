#!/usr/bin/env bash
# Installs the Python tools that the suite runs, each as it is locked in tests/python/requirements.txt, into an environment
# of their own: tests/python/.venv.
#
#   scripts/python.sh
#
# PYTHON names an interpreter of version 3.11 or newer that is not called python3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'python: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

venv=tests/python/.venv
python=${PYTHON:-python3}
# On Debian the module that makes environments is a package of its own.
usable() { "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
usable || scripts/apt.sh python3 python3-venv || true
usable || die "Python 3.11 or newer with its module venv is missing. Install it (Debian: 'apt-get install python3-venv')," \
  "or set PYTHON to its path."

# Written last: what is there is whole, and made of this list by this interpreter.
stamp=$venv/installed
wanted=$("$python" -c 'import sys; print(sys.version)'; sha256sum tests/python/requirements.txt)
[[ ! -e $stamp || $(<"$stamp") != "$wanted" ]] || exit 0
"$python" -m venv --clear "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes \
  --requirement tests/python/requirements.txt ||
  die "the packages of tests/python/requirements.txt cannot be installed: check the way to PyPI, then try again"
printf '%s\n' "$wanted" >"$stamp"
