#!/usr/bin/env bash
# Measures webhooks over TLS to a receiver on this machine, on SQLite and on a PostgreSQL server of its own.
#
#   scripts/bench-webhooks.sh [SECONDS]      of each run with orders; default 10
#
# Service, database, partner and receiver share this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'bench-webhooks: %s\n' "$*" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}/release
service=${SERVICE:-$(realpath -m "$target/sales-order-api")}
load=$(realpath -m "$target/examples/load")
receiver=$(realpath -m "$target/examples/webhooks")

base='' server='' receiving=''

# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  [[ -z $receiving ]] || { kill -KILL "$receiving" && wait "$receiving"; } 2>/dev/null || true
  [[ -z $base ]] || rm -rf "$base"
  exit "$code"
}

# Nothing of the caller's configuration may slip in.
clean=(env -i PATH="$PATH" SALES_ORDER_HTTP__DRAIN_DELAY=0s SALES_ORDER_LOG__FORMAT=json
  SALES_ORDER_WEBHOOKS__ALLOWED_NETWORKS='["127.0.0.0/8"]' SALES_ORDER_RATE_LIMIT__ENABLED=false)

ask() { # COMMAND: of the receiver
  printf '%s\n' "$1" >&"$to_receiver"
  local line
  read -r -t 600 line <&"$from_receiver" || die 'the receiver says nothing'
  printf '%s' "$line"
}

graphql() { # DOCUMENT: on behalf of staff
  local answer
  answer=$(curl -sS --noproxy '*' "$address/graphql" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d "$(printf '{"query":"%s"}' "${1//\"/\\\"}")")
  [[ $answer != *'"errors"'* && $answer != *'"PENDING"'* ]] || die "$answer"
}

endpoint() { # CLIENT NAME PATH SETTINGS
  graphql "mutation { saveWebhookEndpoint(name: \"$2\", clientId: \"$1\", input: {url: \"https://127.0.0.1:$port/$3\"$4}) { secret } }"
  graphql "mutation { verifyWebhookEndpoint(name: \"$2\", clientId: \"$1\") { endpoint { state } } }"
}

of_client() { # CLIENT MUTATION NUMBER
  local selected=''
  [[ $2 == delete* ]] || selected=' { name }'
  graphql "mutation { $2(name: \"hook-$3\", clientId: \"$1-$((($3 - 1) / 20 + 1))\")$selected }"
}

orders() { # CONNECTIONS SECONDS: how many were taken, and how many a second
  "$load" orders --base "$address" --client-id load --client-secret="$secret" --private-key "$base/load.pem" \
    --connections "$1" --seconds "$2" --json
}

field() { # NAME: of one JSON object
  sed -E "s/.*\"$1\":([0-9.]+).*/\1/"
}

measure() { # SECONDS
  base=$(mktemp -d "${TMPDIR:-/tmp}/sales-order-webhooks.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  local url=${TEST_DATABASE_URL:-sqlite://$base/orders.db} out line secret staff taken with without n
  cd "$base"
  mkfifo to from out
  exec {to_receiver}<>to {from_receiver}<>from {out}<>out
  "$receiver" "$base" <to >from 2>>log &
  receiving=$!
  read -r -t 60 port <&"$from_receiver" || die 'the receiver did not start'
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out load.pem 2>/dev/null
  openssl pkey -in load.pem -pubout -out load.pub.pem
  secret=$("${clean[@]}" "$service" --database-url "$url" client create --client-id load --name Load --scope orders:create \
    --public-key load.pub.pem 2>>log) || die "no client: $(tail -n 3 log)"
  staff=$("${clean[@]}" "$service" --database-url "$url" client create --client-id staff --name Staff \
    --scope clients:manage --scope clients:read 2>>log) || die 'no staff'
  # A client has so many verifications in ten seconds as it may have endpoints.
  for n in 1 2 3 4 5 6; do
    "${clean[@]}" "$service" --database-url "$url" client create --client-id "reader-$n" --name Reader --scope orders:read \
      >/dev/null 2>>log || die 'no reader'
    "${clean[@]}" "$service" --database-url "$url" client create --client-id "idle-$n" --name Idle --scope orders:create \
      >/dev/null 2>>log || die 'no idle client'
  done
  "${clean[@]}" SALES_ORDER_WEBHOOKS__EXTRA_ROOTS_FILE="$base/roots.pem" "$service" serve --listen 127.0.0.1:0 \
    --database-url "$url" >out 2>>log &
  server=$!
  read -r -t 60 line <&"$out" || die "the service did not start: $(tail -n 3 log)"
  address=${line##* listening on }
  token=$(curl -sS --noproxy '*' "$address/api/v1/auth/login" -H 'Content-Type: application/json' \
    -d "{\"client_id\":\"staff\",\"client_secret\":\"$staff\"}" | sed -E 's/.*"token":"([^"]+)".*/\1/')

  endpoint load bench hooks ', maxInFlight: 16'
  ask skip >/dev/null
  taken=$(orders 1 "$1" | field answers)
  printf 'one partner sends by one connection: %s webhooks, %s a second, %s ms after the event at the median, %s at the 99th percentile\n' \
    $(ask "wait $taken")
  graphql 'mutation { pauseWebhookEndpoint(name: "bench", clientId: "load") { name } }'
  taken=$(orders 32 "$1" | field answers)
  ask skip >/dev/null
  graphql 'mutation { resumeWebhookEndpoint(name: "bench", clientId: "load") { name } }'
  printf 'behind by %s events: %s webhooks, %s a second\n' "$taken" $(ask "wait $taken" | cut -d' ' -f1,2)
  graphql 'mutation { deleteWebhookEndpoint(name: "bench", clientId: "load") }'

  for n in $(seq 1 100); do endpoint "reader-$(((n - 1) / 20 + 1))" "hook-$n" "hooks/$n" ''; done
  ask skip >/dev/null
  taken=$(orders 1 1 | field answers)
  without=$(ask "wait $((taken * 100))" | cut -d' ' -f2)
  of_client reader deleteWebhookEndpoint 1
  endpoint reader-6 hook-hangs hang ''
  ask skip >/dev/null
  taken=$(orders 1 1 | field answers)
  with=$(ask "wait $((taken * 99))" | cut -d' ' -f2)
  printf '100 endpoints: %s webhooks a second; 99 beside one that hangs: %s\n' "$without" "$with"
  for n in $(seq 2 100); do of_client reader deleteWebhookEndpoint "$n"; done
  graphql 'mutation { deleteWebhookEndpoint(name: "hook-hangs", clientId: "reader-6") }'

  for n in $(seq 1 100); do endpoint "idle-$(((n - 1) / 20 + 1))" "hook-$n" "hooks/$n" ''; done
  with=() without=()
  for _ in 1 2 3; do
    for n in $(seq 1 100); do of_client idle pauseWebhookEndpoint "$n"; done
    without+=("$(orders 32 "$1" | field per_second)")
    for n in $(seq 1 100); do of_client idle resumeWebhookEndpoint "$n"; done
    with+=("$(orders 32 "$1" | field per_second)")
  done
  printf 'orders a second without endpoints: %s; with 100 that are not concerned: %s\n' "${without[*]}" "${with[*]}"
  kill -TERM "$server"
  wait "$server" || die 'the service did not stop well'
  server=''
}

if [[ ${1:-} == --measure ]]; then
  measure "$2"
  exit
fi

seconds=${1:-10}
[[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || { echo "usage: $0 [SECONDS]" >&2; exit 2; }
"${CARGO:-cargo}" build --locked --release --bin sales-order-api --example load --example webhooks

# Never a server that is there already: the rows that this leaves are nothing for somebody's database.
unset TEST_DATABASE_URL
self=scripts/bench-webhooks.sh
printf 'SQLite\n'
"$self" --measure "$seconds"
printf '\nPostgreSQL\n'
scripts/with-postgres.sh "$self" --measure "$seconds"
