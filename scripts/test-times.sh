#!/usr/bin/env bash
# Writes into docs/testing.md how long the integration tests take on SQLite and on PostgreSQL: a table of the modules, and
# the slowest tests.
#
#   scripts/test-times.sh
#
# One test after the other, so that each has the machine for itself: the sums are longer than a run of the suite, whose
# tests run side by side. What the first tests of a run prepare for all (a migrated database, keys) is counted as theirs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SLOWEST=15 PAGE=docs/testing.md MARK='<!-- From here on written by make test-times. -->'

# The harness prints a line when a test is over, so each took the time since the line before. The stable one has no
# other way to tell.
timed() { # prints "SECONDS MODULE TEST" for each line "test MODULE::TEST ... ok" of its input
  local before=$EPOCHREALTIME now line
  while read -r line; do
    now=$EPOCHREALTIME
    case $line in
      'test '*' ... ok')
        line=${line#test } line=${line% ... ok}
        awk -v now="$now" -v before="$before" -v test="$line" \
          'BEGIN { printf "%.3f %s %s\n", now - before, substr(test, 1, index(test, "::") - 1), test }'
        ;;
      'test '*' ... FAILED') printf 'test-times: %s\n' "$line" >&2 ;;
    esac
    before=$now
  done
}

if [[ ${1:-} == --run ]]; then
  "${CARGO:-cargo}" test --locked --test it -- --test-threads=1 | timed
  exit
fi

"${CARGO:-cargo}" test --locked --test it --no-run >&2
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
env -u TEST_DATABASE_URL scripts/test-times.sh --run >"$results/sqlite"
scripts/with-postgres.sh scripts/test-times.sh --run >"$results/postgres"

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
