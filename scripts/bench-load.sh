#!/usr/bin/env bash
# Measures how fast the service takes orders, on SQLite and on a PostgreSQL server of its own, and prints a table.
#
#   scripts/bench-load.sh [SECONDS]      default 10; three runs on each database, 32 connections, 3 lines an order
#
# On PostgreSQL each run is followed by one of pgbench, which inserts the same rows, one order a transaction and as many
# connections, into the same tables (benches/order.sql).
#
# Service, database and load share this machine, so the figures tell one version from another, not what a server can do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=3 CONNECTIONS=32
sql=$(realpath -m benches/order.sql)
readonly sql

die() { printf 'bench-load: %s\n' "$*" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}/release
service=$(realpath -m "$target/sales-order-api")
load=$(realpath -m "$target/examples/load")

base='' server='' out='' address=''

# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  [[ -z $base ]] || rm -rf "$base"
  exit "$code"
}

# Nothing of the caller's configuration may slip in.
clean=(env -i PATH="$PATH" SALES_ORDER_LOG__FORMAT=json)

start() { # DATABASE_URL: sets `server` and `address`
  "${clean[@]}" "$service" serve --listen 127.0.0.1:0 --database-url "$1" >"$base/out" 2>>"$base/log" &
  server=$!
  local line
  read -r -t 60 line <&"$out" || { cat "$base/log" >&2; die 'the service did not start'; }
  address=${line##* listening on }
}

stop() {
  kill -TERM "$server"
  wait "$server" || die 'the service did not stop well'
  server=''
}

median() { sort -g | sed -n "$(((RUNS + 1) / 2))p"; }

raw() { # SECONDS: how many orders a second pgbench inserts
  local pgbench
  pgbench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench | tail -n 1)
  "$pgbench" -n -f "$sql" -c "$CONNECTIONS" -j 2 -T "$1" "$TEST_DATABASE_URL" 2>>"$base/log" |
    sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

measure() { # NAME SECONDS: prints one row of the table, for TEST_DATABASE_URL or else for SQLite
  base=$(mktemp -d "${TMPDIR:-/tmp}/sales-order-load.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  local url=${TEST_DATABASE_URL:-sqlite://$base/orders.db}
  mkfifo "$base/out"
  # Read and written, so that opening it waits for nobody.
  exec {out}<>"$base/out"
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$base/private.pem" 2>/dev/null
  openssl pkey -in "$base/private.pem" -pubout -out "$base/public.pem"
  local secret
  secret=$(cd "$base" && "${clean[@]}" "$service" --database-url "$url" client create --client-id load --name Load \
    --scope orders:create --public-key "$base/public.pem" 2>>"$base/log") || { cat "$base/log" >&2; die 'no client'; }

  cd "$base"
  local began=${EPOCHREALTIME/./} up
  start "$url"
  "${clean[@]}" "$service" health --url "$address" >/dev/null
  up=$((${EPOCHREALTIME/./} - began))

  local run figures=() limits=()
  for ((run = 1; run <= RUNS; run++)); do
    figures+=("$(timeout $(($2 + 60)) "$load" orders --base "$address" --client-id load --client-secret="$secret" \
      --private-key "$base/private.pem" --connections "$CONNECTIONS" --seconds "$2" --json)") ||
      die "a run failed: ${figures[*]} $(tail -n 5 "$base/log")"
    [[ -z ${TEST_DATABASE_URL:-} ]] || limits+=("$(raw "$2")")
  done
  local memory
  memory=$(awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$server/status")
  stop

  of_runs() { printf '%s\n' "${figures[@]}" | sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" | median; }
  printf '%-10s %10.0f %9.1f %9.1f %9.1f %10s %12s\n' "$1" "$(of_runs per_second)" "$(of_runs p50_ms)" \
    "$(of_runs p99_ms)" "$(of_runs max_ms)" "$memory" "$((up / 1000))"
  [[ -n ${limits[*]} ]] || return 0
  local limit
  limit=$(printf '%s\n' "${limits[@]}" | median)
  printf '%-10s %10.0f   one order a transaction; the service takes %.2f times as many\n' pgbench "$limit" \
    "$(awk -v a="$(of_runs per_second)" -v b="$limit" 'BEGIN { print a / b }')"
}

if [[ ${1:-} == --measure ]]; then
  measure "$2" "$3"
  exit
fi

seconds=${1:-10}
[[ $seconds =~ ^[1-9][0-9]{0,2}$ ]] || { echo "usage: $0 [SECONDS]" >&2; exit 2; }
command -v openssl >/dev/null || die 'openssl is missing; it makes the key that signs the orders'
"${CARGO:-cargo}" build --locked --release --bin sales-order-api --example load

# Never a server that is there already: the rows that this leaves are nothing for somebody's database.
unset TEST_DATABASE_URL
self=scripts/bench-load.sh
rows=("$("$self" --measure sqlite "$seconds")")
rows+=("$(scripts/with-postgres.sh "$self" --measure postgres "$seconds")")

printf '\nmedians of %d runs of %d s, %d connections, orders of 3 lines, %s\n' "$RUNS" "$seconds" "$CONNECTIONS" \
  "$(nproc) cores for service, database and load"
printf '%-10s %10s %9s %9s %9s %10s %12s\n' database creates/s 'p50 ms' 'p99 ms' 'max ms' 'RSS MiB' 'start-up ms'
printf '%s\n' "${rows[@]}"
printf 'binary: %s MiB\n' "$(stat -c %s "$service" | awk '{ printf "%.1f", $1 / 1048576 }')"
