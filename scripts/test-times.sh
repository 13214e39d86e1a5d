#!/usr/bin/env bash
# Writes into docs/testing.md how long the integration tests take on SQLite and on PostgreSQL: a table of the modules, and
# the slowest tests.
#
#   scripts/test-times.sh
#
# The suite as it runs always, as many tests at once as there are cores: a test's time holds what it waited for the others.
# Ends with an error, and writes nothing, when a test fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SLOWEST=15 PAGE=docs/testing.md MARK='<!-- From here on written by make test-times. -->'

say() { printf 'test-times: %s\n' "$*" >&2; }

built=$("${CARGO:-cargo}" test --locked --test it --no-run --message-format=json)
suite=$(sed -n 's/.*"executable":"\([^"]*\/it-[^"]*\)".*/\1/p' <<<"$built")
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

timed() { # FILE COMMAND…: writes "SECONDS MODULE TEST" for each test that COMMAND runs
  local file=$1 said=$results/said
  shift
  # The harness tells times by options that are not stable yet. cargo must not see the variable: it would build all anew.
  if ! "$@" env RUSTC_BOOTSTRAP=1 "$suite" -Z unstable-options --report-time >"$said"; then
    sed -n '/^failures:/,$p' "$said" >&2
    say "a test failed on $(basename "$file")"
    exit 1
  fi
  sed -n 's/^test \(\([a-z_0-9]*\)::.*\) \.\.\. ok <\([0-9.]*\)s>$/\3 \2 \1/p' "$said" >"$file"
}

timed "$results/sqlite" env -u TEST_DATABASE_URL
timed "$results/postgres" scripts/with-postgres.sh

awk -v slowest="$SLOWEST" '
  FNR == 1 { file++ }
  { modules[$2]; tests[$3]; sum[$2, file] += $1; each[$3, file] = $1; all[file] += $1; if (file == 1) count[$2]++ }
  function row(name, n, one, two) { printf "| %s | %s | %.1f | %.1f |\n", name, n, one, two }
  END {
    print "| module | tests | SQLite, s | PostgreSQL, s |\n|---|---|---|---|"
    by = "sort -t \"|\" -k 5,5gr"
    for (name in modules) printf "| `%s` | %d | %.1f | %.1f |\n", name, count[name], sum[name, 1], sum[name, 2] | by
    close(by)
    n = 0; for (test in tests) n++
    row("all", n, all[1], all[2])
    print "\n| test | SQLite, s | PostgreSQL, s |\n|---|---|---|"
    by = "sort -t \"|\" -k 4,4gr | head -n " slowest
    for (test in tests) printf "| `%s` | %.1f | %.1f |\n", test, each[test, 1], each[test, 2] | by
    close(by)
  }' "$results/sqlite" "$results/postgres" >"$results/tables"
{
  sed "/^$MARK\$/q" "$PAGE"
  echo
  cat "$results/tables"
} >"$results/page"
cp "$results/page" "$PAGE"
echo "wrote $PAGE"
