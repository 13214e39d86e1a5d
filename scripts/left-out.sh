#!/usr/bin/env bash
# Tells how many integration tests did not run, and why. They count as passed, so `make test` ends with this.
#
#   scripts/left-out.sh DATABASE…            sqlite, postgres: of the last run on each
#   scripts/left-out.sh --forget DATABASE    before a run
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

file() { echo "${CARGO_TARGET_DIR:-target}/tmp/left-out-$1"; }

if [[ ${1:-} == --forget ]]; then
  rm -f "$(file "$2")"
  exit
fi
for database in "$@"; do
  file=$(file "$database")
  [[ -e $file ]] || { echo "on $database no test was left out"; continue; }
  echo "on $database some tests did not run; $file names them:"
  # A test may say so more than once.
  sort -u "$file" | cut -f 1 | uniq -c | sed 's/^/ /'
done
