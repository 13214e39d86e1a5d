#!/usr/bin/env bash
# Measures what a dashboard waits for, at two sizes, on SQLite and on a PostgreSQL server of its own, and prints a table.
#
#   scripts/bench-dashboard.sh [ORDERS]      default 1000000, three lines each on average; the other size is 10000
#
# Service, database and dashboard share this machine. Making a million orders takes some minutes on each database.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SMALL=10000 DAYS=1000

die() { printf 'bench-dashboard: %s\n' "$*" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}/release
service=$(realpath -m "$target/sales-order-api")
dashboard=$(realpath -m "$target/examples/dashboard")

base='' server=''

# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  [[ -z $base ]] || rm -rf "$base"
  exit "$code"
}

# Nothing of the caller's configuration may slip in.
clean=(env -i PATH="$PATH" SALES_ORDER_HTTP__DRAIN_DELAY=0s SALES_ORDER_LOG__FORMAT=json)

measure() { # ORDERS: prints a line a query, for TEST_DATABASE_URL or else for SQLite
  base=$(mktemp -d "${TMPDIR:-/tmp}/sales-order-dashboard.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  local url=${TEST_DATABASE_URL:-sqlite://$base/orders.db} out line secret
  cd "$base"
  "${clean[@]}" "$service" --database-url "$url" generate --orders "$1" --days "$DAYS" >/dev/null 2>"$base/log" ||
    { cat "$base/log" >&2; die 'no orders'; }
  secret=$("${clean[@]}" "$service" --database-url "$url" client create --client-id board --name Board \
    --scope orders:read 2>>"$base/log") || { cat "$base/log" >&2; die 'no client'; }
  mkfifo "$base/out"
  # Read and written, so that opening it waits for nobody.
  exec {out}<>"$base/out"
  "${clean[@]}" "$service" serve --listen 127.0.0.1:0 --database-url "$url" >"$base/out" 2>>"$base/log" &
  server=$!
  read -r -t 60 line <&"$out" || { cat "$base/log" >&2; die 'the service did not start'; }
  "$dashboard" --base "${line##* listening on }" --client-id board --client-secret="$secret" ||
    { tail -n 5 "$base/log" >&2; die 'a query failed'; }
  kill -TERM "$server"
  wait "$server" || die 'the service did not stop well'
  server=''
}

if [[ ${1:-} == --measure ]]; then
  measure "$2"
  exit
fi

orders=${1:-1000000}
[[ $orders =~ ^[1-9][0-9]{0,8}$ ]] || { echo "usage: $0 [ORDERS]" >&2; exit 2; }
"${CARGO:-cargo}" build --locked --release --bin sales-order-api --example dashboard

# Never a server that is there already: the rows that this leaves are nothing for somebody's database.
unset TEST_DATABASE_URL
self=scripts/bench-dashboard.sh
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
for size in "$SMALL" "$orders"; do
  "$self" --measure "$size" >"$results/sqlite-$size"
  scripts/with-postgres.sh "$self" --measure "$size" >"$results/postgres-$size"
done

printf '\nmilliseconds, median and p99 of 40, over HTTP; orders over %d days, %s cores for all\n' "$DAYS" "$(nproc)"
printf '%-40s | %17s | %17s | %17s | %17s\n' '' "SQLite, $SMALL" "SQLite, $orders" "PostgreSQL, $SMALL" "PostgreSQL, $orders"
paste "$results/sqlite-$SMALL" "$results/sqlite-$orders" "$results/postgres-$SMALL" "$results/postgres-$orders" |
  awk -F '\t' '{ printf "%-40s | %8s %8s | %8s %8s | %8s %8s | %8s %8s\n", $1, $2, $3, $5, $6, $8, $9, $11, $12 }'
