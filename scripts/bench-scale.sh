#!/usr/bin/env bash
# Measures how many orders several instances take together on PostgreSQL, with a log whose sync takes longer, beside pgbench
# (planned once, an order a transaction), in alternation.
#
#   scripts/bench-scale.sh [SECONDS [BEFORE]]      default 4 for each run; medians of three; BEFORE is another binary of the
#                                                  service, measured beside this one
#
# DELAYS, CONNECTIONS and INSTANCES in the environment pick what is measured: milliseconds and numbers, such as "0 5".
# It starts a private PostgreSQL with benches/slow_sync.c preloaded and leaves nothing behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=3
target=${CARGO_TARGET_DIR:-target}/release
read -ra delays <<<"${DELAYS:-0 2 5}"
read -ra connections <<<"${CONNECTIONS:-8 32 64}"
read -ra instances <<<"${INSTANCES:-1 2 4}"

die() { printf 'bench-scale: %s\n' "$*" >&2; exit 1; }

if [[ ${1:-} != --inside ]]; then
  seconds=${1:-4} before=${2:-}
  [[ $seconds =~ ^[1-9][0-9]{0,2}$ ]] || { echo "usage: $0 [SECONDS [BEFORE]]" >&2; exit 2; }
  [[ -z $before || -x $before ]] || die "$before is no program"
  command -v openssl >/dev/null || die 'openssl is missing; it makes the key that signs the orders'
  [[ -n ${NOW:-} ]] || "${CARGO:-cargo}" build --locked --release --bin sales-order-api --example load
  folder=$(mktemp -d "${TMPDIR:-/tmp}/sales-order-scale.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  chmod 755 "$folder"
  "${CC:-cc}" -shared -fPIC -O2 -Wall -Werror -o "$folder/slow_sync.so" benches/slow_sync.c -ldl
  echo 0 >"$folder/delay"
  unset TEST_DATABASE_URL
  SYNC_DELAY=$folder/delay LD_PRELOAD=$folder/slow_sync.so \
    scripts/with-postgres.sh scripts/bench-scale.sh --inside "$seconds" "$folder" "$before"
  exit
fi
unset LD_PRELOAD
readonly seconds=$2 folder=$3 before=$4
load=$(realpath "${LOAD:-$target/examples/load}")
declare -A binary=([now]=$(realpath "${NOW:-$target/sales-order-api}"))
states=(now)
[[ -z $before ]] || { binary[before]=$(realpath "$before"); states=(before now); }

. scripts/postgres-clients.sh

# ---- the instances, as many of each state as are measured at most

most=$(printf '%s\n' "${instances[@]}" | sort -n | tail -n 1)
declare -A address=() secret=()
pids=()
# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$folder/key.pem" 2>/dev/null
openssl pkey -in "$folder/key.pem" -pubout -out "$folder/public.pem"
clean=(env -i PATH="$PATH" SALES_ORDER_HTTP__DRAIN_DELAY=0s SALES_ORDER_LOG__FILTER=warn SALES_ORDER_RATE_LIMIT__ENABLED=false
  SALES_ORDER_DATABASE__MAX_CONNECTIONS=20)
cd "$folder"
for state in "${states[@]}"; do
  "$psql" -qc "CREATE DATABASE $state" "$TEST_DATABASE_URL"
  url=${TEST_DATABASE_URL%/*}/$state
  secret[$state]=$("${clean[@]}" "${binary[$state]}" --database-url "$url" client create --client-id load --name load \
    --scope orders:create --public-key public.pem 2>>"$state.log")
  for ((n = 0; n < most; n++)); do
    mkfifo "$state.$n"
    exec {fd}<>"$state.$n"
    "${clean[@]}" "${binary[$state]}" serve --listen 127.0.0.1:0 --database-url "$url" >"$state.$n" 2>>"$state.log" &
    pids+=($!)
    read -r -t 60 line <&"$fd" || { tail -n 5 "$state.log" >&2; die "an instance did not start"; }
    address[$state.$n]=${line##* listening on }
    "${clean[@]}" "${binary[$state]}" health --url "${address[$state.$n]}" >/dev/null
  done
done

# ---- measuring

orders() { # STATE INSTANCES CONNECTIONS: figures as JSON, a line for each instance
  local n
  for ((n = 0; n < $2; n++)); do
    timeout $((seconds + 60)) "$load" orders --base "${address[$1.$n]}" --client-id load --client-secret="${secret[$1]}" \
      --private-key key.pem --connections $(($3 / $2)) --seconds "$seconds" --json >"figures.$n" || die "wrong answers of $1" &
  done
  wait $(jobs -p | grep -vxFf <(printf '%s\n' "${pids[@]}"))
  for ((n = 0; n < $2; n++)); do cat "figures.$n"; done
}

limit() { # CONNECTIONS
  "$pgbench" -n -M prepared -f "$sql" -c "$1" -j 2 -T "$seconds" "${TEST_DATABASE_URL%/*}/now" 2>>pgbench.log |
    sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}
sql=$OLDPWD/benches/order.sql

field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
median() { sort -g | sed -n "$(((RUNS + 1) / 2))p"; }
worst() { sort -g | tail -n 1; }

echo 0 >delay
for state in "${states[@]}"; do orders "$state" "$most" 32 >/dev/null; done
limit 32 >/dev/null
printf '\n%s cores for all; medians of %d runs of %d s in alternation; p50 and p99 are the slowest instance'"'"'s\n\n' \
  "$(nproc)" "$RUNS" "$seconds"
printf '%-8s %5s %9s %-7s %9s %7s %8s %8s\n' 'sync +' conns instances state orders/s ratio 'p50 ms' 'p99 ms'
for delay in "${delays[@]}"; do
  echo $((delay * 1000)) >delay
  ((delay == 0)) || awk "BEGIN { exit $(limit 1) > 1000 / $delay }" || die 'the syncs take no longer'
  for conns in "${connections[@]}"; do
    declare -A rate=() p50=() p99=()
    limits=''
    for ((run = 1; run <= RUNS; run++)); do
      limits+=$(limit "$conns")$'\n'
      for count in "${instances[@]}"; do
        for state in "${states[@]}"; do
          figures=$(orders "$state" "$count" "$conns")
          rate[$state.$count]+=$(field per_second <<<"$figures" | awk '{ sum += $1 } END { print sum }')$'\n'
          p50[$state.$count]+=$(field p50_ms <<<"$figures" | worst)$'\n'
          p99[$state.$count]+=$(field p99_ms <<<"$figures" | worst)$'\n'
        done
      done
    done
    one=$(median <<<"${limits%$'\n'}")
    printf '%-8s %5s %9s %-7s %9.0f\n' "$delay ms" "$conns" - pgbench "$one"
    for count in "${instances[@]}"; do
      for state in "${states[@]}"; do
        all=$(median <<<"${rate[$state.$count]%$'\n'}")
        printf '%-8s %5s %9s %-7s %9.0f %7s %8s %8s\n' "$delay ms" "$conns" "$count" "$state" "$all" \
          "$(awk "BEGIN { printf \"%.2f\", $all / $one }")" "$(median <<<"${p50[$state.$count]%$'\n'}")" \
          "$(median <<<"${p99[$state.$count]%$'\n'}")"
      done
    done
    unset rate p50 p99
  done
done
