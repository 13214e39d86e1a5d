#!/usr/bin/env bash
# Measures what many orders cost: orders and pages on PostgreSQL with 100,000 and with ORDERS orders there, in alternation, and the
# size on disk of each table.
#
#   scripts/bench-size.sh [ORDERS [SECONDS]]      default 10000000, three lines each on average, and 5 for each run; medians of five
#
# Ten million orders need about 50 GB of disk and half an hour.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=5 SMALL=100000 DAYS=1000 WARM_UP=60
target=${CARGO_TARGET_DIR:-target}/release

die() { printf 'bench-size: %s\n' "$*" >&2; exit 1; }
say() { printf 'bench-size: %s\n' "$*" >&2; }

if [[ ${1:-} != --inside ]]; then
  orders=${1:-10000000} seconds=${2:-5}
  [[ $orders =~ ^[1-9][0-9]*00000$ && $seconds =~ ^[1-9][0-9]{0,2}$ ]] ||
    { echo "usage: $0 [ORDERS [SECONDS]]      ORDERS: a multiple of $SMALL, twice that at least" >&2; exit 2; }
  command -v openssl >/dev/null || die 'openssl is missing; it makes the key that signs the orders'
  [[ -n ${NOW:-} ]] || "${CARGO:-cargo}" build --locked --release --bin sales-order-api --example load
  unset TEST_DATABASE_URL
  # A quarter of the memory, as PostgreSQL's manual has it for a server of its own ("Resource Consumption").
  POSTGRES_SHARED_BUFFERS=${POSTGRES_SHARED_BUFFERS:-$(awk '/^MemTotal:/ { printf "%dMB", $2 / 4096 }' /proc/meminfo)}
  export POSTGRES_SHARED_BUFFERS
  exec scripts/with-postgres.sh scripts/bench-size.sh --inside "$orders" "$seconds"
fi
readonly orders=$2 seconds=$3
service=$(realpath "${NOW:-$target/sales-order-api}")
load=$(realpath "${LOAD:-$target/examples/load}")
multiply=$(realpath benches/multiply.sql)
. scripts/postgres-clients.sh

pids=()
base=$(mktemp -d "${TMPDIR:-/tmp}/sales-order-size.XXXXXX")
# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  rm -rf "$base"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$base"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null
openssl pkey -in key.pem -pubout -out public.pem
clean=(env -i PATH="$PATH" SALES_ORDER_HTTP__DRAIN_DELAY=0s SALES_ORDER_LOG__FILTER=warn SALES_ORDER_RATE_LIMIT__ENABLED=false)

# ---- two databases

declare -A url=() address=() secret=()
for name in small large; do
  url[$name]=${TEST_DATABASE_URL%/*}/$name
  copies=0
  [[ $name == small ]] || copies=$((orders / SMALL - 1))
  days=$((DAYS / (copies + 1)))
  ((days > 0)) || days=1
  "$psql" -qc "CREATE DATABASE $name" "$TEST_DATABASE_URL"
  "${clean[@]}" "$service" --database-url "${url[$name]}" generate --orders $SMALL --days "$days" >/dev/null 2>>log || die "$(tail -n 3 log)"
  if ((copies > 0)); then
    began=$SECONDS
    "$psql" -q -v copies=$copies -v days="$days" -f "$multiply" "${url[$name]}"
    "${clean[@]}" "$service" --database-url "${url[$name]}" totals rebuild >/dev/null 2>>log || die "$(tail -n 3 log)"
    say "$orders orders after $((SECONDS - began)) s"
  fi
  "$psql" -qc 'VACUUM ANALYZE' "${url[$name]}"
  secret[$name]=$("${clean[@]}" "$service" --database-url "${url[$name]}" client create --client-id load --name load \
    --scope orders:create --scope orders:read --public-key public.pem 2>>log)
  mkfifo "$name"
  exec {fd}<>"$name"
  "${clean[@]}" "$service" serve --listen 127.0.0.1:0 --database-url "${url[$name]}" >"$name" 2>>log &
  pids+=($!)
  read -r -t 60 line <&"$fd" || die "the service did not start: $(tail -n 3 log)"
  address[$name]=${line##* listening on }
  "${clean[@]}" "$service" health --url "${address[$name]}" >/dev/null
done

# ---- sizes, before the load adds orders with their receipts

sizes() { # a line a table: rows, heap and the rest of it, indexes, bytes of all an order
  "$psql" -At -F $'\t' "${url[large]}" <<SQL
SELECT c.relname, c.reltuples::bigint, pg_size_pretty(pg_table_size(c.oid)), pg_size_pretty(pg_indexes_size(c.oid)),
    pg_total_relation_size(c.oid) / $orders
FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND pg_total_relation_size(c.oid) > 1000000
ORDER BY pg_total_relation_size(c.oid) DESC;
SELECT '  ' || i.indexrelid::regclass, NULL, NULL, pg_size_pretty(pg_relation_size(i.indexrelid)), pg_relation_size(i.indexrelid) / $orders
FROM pg_index AS i WHERE pg_relation_size(i.indexrelid) > 1000000 AND i.indrelid::regclass::text LIKE 'sales_order%'
ORDER BY pg_relation_size(i.indexrelid) DESC;
SQL
}
printf '\n%-50s %12s %10s %10s %14s\n' "$orders orders" rows heap indexes 'bytes an order'
sizes | awk -F '\t' '{ printf "%-50s %12s %10s %10s %14s\n", $1, $2, $3, $4, $5 }'

# ---- measuring

sent() { # NAME SCENARIO CONNECTIONS [SECONDS]
  local for=${4:-$seconds}
  timeout $((for + 60)) "$load" "$2" --base "${address[$1]}" --client-id load --client-secret="${secret[$1]}" \
    --private-key key.pem --connections "$3" --seconds "$for" --json || die "wrong answers of $1: $(tail -n 3 log)"
}
figure() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
median() { sort -g | sed -n "$(((RUNS + 1) / 2))p"; }

# Whoever writes to a page first after a checkpoint writes all of it into the log, and of indexes that were just built no page was
# written to: a database in use is past that. Checkpoints are as far apart as docs/operations.md recommends.
"$psql" -qc "ALTER SYSTEM SET max_wal_size = '16GB'" -c "ALTER SYSTEM SET checkpoint_timeout = '15min'" \
  -c 'SELECT pg_reload_conf()' "$TEST_DATABASE_URL" >/dev/null
for name in small large; do sent $name orders 32 $WARM_UP >/dev/null; done

printf '\n%s cores for all; medians of %d runs of %d s in alternation\n\n%-40s %12s %12s %8s\n' \
  "$(nproc)" "$RUNS" "$seconds" '' "$SMALL" "$orders" ratio
for what in 'orders 32 per_second' 'pages 1 p50_ms' 'pages 16 per_second'; do
  read -r scenario connections name <<<"$what"
  declare -A figures=()
  for state in small large; do sent $state "$scenario" "$connections" >/dev/null; done
  for ((run = 1; run <= RUNS; run++)); do
    for state in small large; do figures[$state]+=$(sent $state "$scenario" "$connections" | figure "$name")$'\n'; done
  done
  small=$(median <<<"${figures[small]%$'\n'}") large=$(median <<<"${figures[large]%$'\n'}")
  printf '%-40s %12s %12s %8s\n' "$scenario, $connections connections, $name" "$small" "$large" "$(awk "BEGIN { printf \"%.3f\", $large / $small }")"
  unset figures
done
