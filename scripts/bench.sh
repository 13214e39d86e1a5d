#!/usr/bin/env bash
# Measures the service beside what the databases themselves can do, in alternation, and prints two tables: ratios with
# what they must reach, and the price of a page and of an order at three sizes.
#
#   scripts/bench.sh [SECONDS [LARGEST]]      default 5 for each run; medians of three; sizes up to 1000000 orders
#
# It starts a private PostgreSQL and leaves nothing behind. Service, database and load share this machine, so ratios of
# one run say something and bare figures little. Every answer is looked at: a wrong one ends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=3
target=${CARGO_TARGET_DIR:-target}/release
service=$(realpath -m "$target/sales-order-api")
load=$(realpath -m "$target/examples/load")
sql=$(realpath benches)
readonly target service load sql

die() { printf 'bench: %s\n' "$*" >&2; exit 1; }
say() { printf 'bench: %s\n' "$*" >&2; }

if [[ ${1:-} != --inside ]]; then
  seconds=${1:-5} largest=${2:-1000000}
  if ! [[ $seconds =~ ^[1-9][0-9]{0,2}$ && $largest =~ ^[1-9][0-9]{3,7}$ ]] || ((largest < 5000)); then
    echo "usage: $0 [SECONDS [LARGEST]]      LARGEST of 5000 at least: a hundredth of it must fill a page" >&2
    exit 2
  fi
  command -v openssl >/dev/null || die 'openssl is missing; it makes the key that signs the orders'
  "${CARGO:-cargo}" build --locked --release --bin sales-order-api --example load
  # Never a server that is there already: the rows that this leaves are nothing for somebody's database.
  unset TEST_DATABASE_URL
  exec scripts/with-postgres.sh scripts/bench.sh --inside "$seconds" "$largest"
fi
readonly seconds=$2 largest=$3

. scripts/postgres-clients.sh

# ---- services, each on a database of its own

declare -A url=() address=() pid=() secret=() out=()
base=$(mktemp -d "${TMPDIR:-/tmp}/sales-order-bench.XXXXXX")
# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  ((${#pid[@]} == 0)) || kill -KILL "${pid[@]}" 2>/dev/null || true
  rm -rf "$base"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# One public key is one client's.
for client in load flood; do
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$base/$client.pem" 2>/dev/null
  openssl pkey -in "$base/$client.pem" -pubout -out "$base/$client-public.pem"
done

# Nothing of the caller's configuration may slip in.
clean=(env -i PATH="$PATH" SALES_ORDER_HTTP__DRAIN_DELAY=0s SALES_ORDER_LOG__FORMAT=json SALES_ORDER_RATE_LIMIT__ENABLED=false)

start() { # NAME: waits until it answers
  mkfifo "$base/$1.out"
  local line
  # Read and written, so that opening it waits for nobody.
  exec {fd}<>"$base/$1.out"
  out[$1]=$fd
  (cd "$base" && exec "${clean[@]}" "$service" serve --listen 127.0.0.1:0 --database-url "${url[$1]}") \
    >"$base/$1.out" 2>>"$base/$1.log" &
  pid[$1]=$!
  read -r -t 60 line <&"$fd" || { tail -n 5 "$base/$1.log" >&2; die "the service on $1 did not start"; }
  address[$1]=${line##* listening on }
  "${clean[@]}" "$service" health --url "${address[$1]}" >/dev/null
}

stop() { # NAME
  kill -TERM "${pid[$1]}"
  wait "${pid[$1]}" || die "the service on $1 did not stop well"
  unset "pid[$1]"
  local fd=${out[$1]}
  exec {fd}>&-
  rm "$base/$1.out"
}

bring_up() { # NAME URL ORDERS
  say "$1: $3 orders"
  url[$1]=$2
  local client
  for client in load flood; do
    secret[$1.$client]=$(cd "$base" && "${clean[@]}" "$service" --database-url "$2" client create --client-id "$client" \
      --name "$client" --scope orders:create --scope orders:read --public-key "$base/$client-public.pem" 2>>"$base/$1.log")
  done
  (($3 == 0)) || (cd "$base" && "${clean[@]}" "$service" --database-url "$2" generate --orders "$3" >>"$base/$1.log")
  start "$1"
}

on_postgres() { # NAME ORDERS
  "$psql" -qc "CREATE DATABASE $1" "$TEST_DATABASE_URL"
  bring_up "$1" "${TEST_DATABASE_URL%/*}/$1" "$2"
  "$psql" -qc 'VACUUM ANALYZE' "${url[$1]}"
}

# ---- measuring

sent() { # NAME SCENARIO CONNECTIONS [SECONDS [CLIENT]]: the figures as JSON
  local client=${5:-load}
  timeout $((${4:-$seconds} + 60)) "$load" "$2" --base "${address[$1]}" --client-id "$client" \
    --client-secret="${secret[$1.$client]}" --private-key "$base/$client.pem" --connections "$3" \
    --seconds "${4:-$seconds}" --json || die "wrong answers on $1 to $2; the end of its log: $(tail -n 3 "$base/$1.log")"
}

directly() { # SCENARIO CONNECTIONS: the same rows on SQLite, one order a transaction
  "$load" "$1" --base "${url[sqlite]}" --client-id load --connections "$2" --seconds "$seconds" --json
}

raw() { # NAME FILE CONNECTIONS [MODE]: transactions a second of pgbench, which by default plans each anew
  "$pgbench" -n -M "${4:-simple}" -f "$sql/$2" -c "$3" -j 2 -T "$seconds" "${url[$1]}" 2>>"$base/$1.log" |
    sed -n 's/^tps = \([0-9.]*\).*/{"per_second":\1}/p'
}

figure() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; } # NAME, of each line of JSON
median() { sort -g | sed -n "$(((RUNS + 1) / 2))p"; }
of() { figure "$2" <<<"$1" | median; }                      # LINES NAME
calculate() { awk "BEGIN { printf \"%.2f\", $1 }"; }
resident() { awk '/^VmRSS:/ { printf "%.0f", $2 / 1024 }' "/proc/${pid[$1]}/status"; }

rows=()
row() { rows+=("$(printf '%-44s %10s %10s %8s  %s' "$@")"); }

compared() { # LABEL GOAL NAME-OF-LIMIT NAME SCENARIO CONNECTIONS LIMIT-COMMAND…
  local label=$1 goal=$2 limit_name=$3 name=$4 scenario=$5 connections=$6 ours='' theirs='' run
  shift 6
  say "$label"
  for ((run = 1; run <= RUNS; run++)); do
    ours+=$(sent "$name" "$scenario" "$connections")$'\n'
    theirs+=$("$@")$'\n'
  done
  local a b
  a=$(of "$ours" per_second) b=$(of "$theirs" per_second)
  row "$label" "$(calculate "$a" | sed 's/\..*//')" "$(sed 's/\..*//' <<<"$b")" "$(calculate "$a / $b")" \
    "$goal; p50 $(of "$ours" p50_ms) ms, p99 $(of "$ours" p99_ms) ms; limit: $limit_name"
}

refused() { # LABEL SCENARIO
  local figures='' run
  say "$1"
  for ((run = 1; run <= RUNS; run++)); do figures+=$(sent bench "$2" 32)$'\n'; done
  row "$1" "$(of "$figures" per_second | sed 's/\..*//')" '' '' "25000 or more; p99 $(of "$figures" p99_ms) ms"
}

flooded() { # what a flood of wrong signatures by one client leaves to the orders of another
  local label='orders of 16 connections beside a flood of 16' alone='' flood='' beside='' within='' run
  say "$label"
  for ((run = 1; run <= RUNS; run++)); do
    alone+=$(sent bench orders 16)$'\n'
    flood+=$(sent bench bad-signatures 16 "$seconds" flood)$'\n'
    sent bench bad-signatures 16 "$seconds" flood >"$base/within" &
    local other=$!
    beside+=$(sent bench orders 16)$'\n'
    wait "$other" || die 'the flood got wrong answers'
    within+=$(<"$base/within")$'\n'
  done
  local kept taken
  kept=$(calculate "$(of "$beside" per_second) / $(of "$alone" per_second)")
  taken=$(calculate "$(of "$within" per_second) / $(of "$flood" per_second)")
  row "$label" "$(of "$beside" per_second | sed 's/\..*//')" "$(of "$alone" per_second | sed 's/\..*//')" "$kept" \
    "0.8 or more; the flood got $taken of what it gets alone"
}

bring_up sqlite "sqlite://$base/orders.db" 0
on_postgres bench 100000

page='page of 50 of 100000, 16 connections, PostgreSQL'
compared "$page" '0.75 or more' "pgbench's JSON" bench pages 16 raw bench page.sql 16
compared "$page" '-' "pgbench's JSON, prepared" bench pages 16 raw bench page.sql 16 prepared

# A new server makes the files of its log as they are needed first, which takes longer than filling them.
say 'warming up'
for _ in 1 2; do
  sent bench orders 32 >/dev/null
  raw bench order.sql 32 >/dev/null
done
for connections in 32 64; do
  compared "orders, $connections connections, PostgreSQL" '1.5 or more' 'pgbench, one a transaction' bench orders \
    "$connections" raw bench order.sql "$connections"
  compared "orders, $connections connections, PostgreSQL" '-' 'pgbench, one a transaction, prepared' bench orders \
    "$connections" raw bench order.sql "$connections" prepared
done
compared 'orders, 64 connections, SQLite' '5 or more' 'one a transaction, a statement a table' sqlite orders 64 \
  directly plain 64
compared 'orders, 64 connections, SQLite' '-' "one a transaction, the service's statement" sqlite orders 64 \
  directly direct 64
refused 'refused tokens, 32 connections' bad-tokens
refused 'refused signatures, 32 connections' bad-signatures
flooded

say 'a minute of orders on each database'
for name in bench sqlite; do
  figures=$(sent "$name" orders 64 60)
  row "MiB resident after a minute of 64, $name" "$(resident "$name")" '' '' \
    "64 or less; $(figure per_second <<<"$figures") orders/s"
done

ups=''
for ((run = 1; run <= RUNS; run++)); do
  stop bench
  began=${EPOCHREALTIME/./}
  start bench
  ups+=$(((${EPOCHREALTIME/./} - began) / 1000))$'\n'
done
row 'ms to the first answer, PostgreSQL' "$(median <<<"${ups%$'\n'}")" '' '' '150 or less'
row 'MiB of binary' "$(stat -c %s "$service" | awk '{ printf "%.1f", $1 / 1048576 }')" '' '' '40 or less'
stop bench
stop sqlite

# ---- the price at three sizes

sizes=() size=$largest
while ((${#sizes[@]} < 3 && size > 0)); do
  sizes=("$size" "${sizes[@]}")
  size=$((size / 10))
done
for size in "${sizes[@]}"; do on_postgres "of_$size" "$size"; done
declare -A pages=() orders=()
for ((run = 1; run <= RUNS; run++)); do
  for size in "${sizes[@]}"; do pages[$size]+=$(sent "of_$size" pages 1)$'\n'; done
done
for ((run = 1; run <= RUNS; run++)); do
  for size in "${sizes[@]}"; do orders[$size]+=$(sent "of_$size" orders 32)$'\n'; done
done
for size in "${sizes[@]}"; do stop "of_$size"; done

printf '\nmedians of %d runs of %d s in alternation; %s cores for service, database and load\n\n' "$RUNS" "$seconds" "$(nproc)"
printf '%-44s %10s %10s %8s  %s\n' '' service limit ratio 'to reach'
printf '%s\n' "${rows[@]}"
printf '\n%-44s %10s %10s\n' 'at (PostgreSQL)' 'page, ms' 'orders/s'
for size in "${sizes[@]}"; do
  printf '%-44s %10s %10s\n' "$size orders" "$(of "${pages[$size]}" p50_ms)" "$(of "${orders[$size]}" per_second)"
done
