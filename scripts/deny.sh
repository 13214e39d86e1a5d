#!/usr/bin/env bash
# Checks the packages we are built from: where they come from, their licences, and known vulnerabilities (deny.toml).
#
#   scripts/deny.sh              needs cargo-deny
#   scripts/deny.sh --if-there   without cargo-deny says so and is content: part of `make test`, which installs no tools
#
# Without a network everything but the vulnerabilities is checked, and those too if their database was fetched before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'deny: %s\n' "$*" >&2; }

if ! cargo deny --version >/dev/null 2>&1; then
  say 'cargo-deny is missing: cargo install --locked cargo-deny'
  [[ ${1:-} == --if-there ]] && { say 'the packages were not checked'; exit 0; }
  exit 1
fi

cargo deny --locked --log-level error check bans licenses sources

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if cargo deny --locked check advisories >"$log" 2>&1; then
  say 'no known vulnerabilities'
elif ! grep -q 'failed to fetch advisory database' "$log"; then
  cat "$log" >&2
  exit 1
elif cargo deny --locked --offline check advisories >"$log" 2>&1; then
  say 'no vulnerabilities that were known when their database was last fetched; it cannot be reached now'
elif grep -q 'FETCH_HEAD' "$log"; then
  say 'the database of vulnerabilities cannot be reached and was never fetched: not checked'
else
  cat "$log" >&2
  exit 1
fi
