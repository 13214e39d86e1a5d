#!/bin/sh
# A partner's client with curl and openssl: log in, sign, create one sales order; or validate, cancel or list orders.
# Prints the HTTP status, then the body, of the last answer; of a list, those of each page.
#
#   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
#   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] sh partner.sh
#   ACTION=validate   with the same: nothing is stored
#   ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
#   ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
set -eu
: "${BASE_URL:?}" "${CLIENT_ID:?}" "${CLIENT_SECRET:?}" "${ACTION:=create}"
orders=/api/v1/sales-orders

# Secrets go to curl through its standard input: what stands on a command line, every user of the machine can read.
# curl appends the status to the body: the last line is the status, all before it the body.
show() {
  printf '%s\n' "${1##*
}" "${1%
*}"
}

# 1. The token. (Neither the id nor the secret holds characters that JSON would want escaped.)
answer=$(printf '{"client_id":"%s","client_secret":"%s"}' "$CLIENT_ID" "$CLIENT_SECRET" |
  curl -sS -w '\n%{http_code}' -H 'Content-Type: application/json' --data-binary @- "$BASE_URL/api/v1/auth/login")
token=$(printf '%s' "$answer" | sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p')
if [ -z "$token" ]; then
  show "$answer"
  exit 0
fi

# A list: page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time.
if [ "$ACTION" = list ]; then
  cursor=${CURSOR:-}
  while :; do
    query="limit=${LIMIT:-200}"
    if [ -n "$cursor" ]; then query="$query&cursor=$cursor"; fi
    answer=$(echo "Authorization: Bearer $token" | curl -sS -w '\n%{http_code}' -H @- "$BASE_URL$orders?$query")
    show "$answer"
    case $answer in *'"has_more":true'*) ;; *) exit 0 ;; esac
    cursor=$(printf '%s' "$answer" | sed -n 's/.*"next_cursor":"\([^"]*\)".*/\1/p')
  done
fi

# Where the others go. Only a signature that binds the body cancels.
: "${PRIVATE_KEY:?}" "${BODY:?}"
case $ACTION in
  create) path=$orders ;;
  validate) path=$orders/validation ;;
  cancel) path=$orders/${ORDER_NUMBER:?}/cancellation BODY_BOUND=1 ;;
  *) echo "ACTION is create, validate, cancel or list" >&2; exit 2 ;;
esac

# 2. The signature. printf, because echo would add a line break and sign that too.
timestamp=$(date +%s)
if [ -n "${BODY_BOUND:-}" ]; then
  body_hash=$(openssl dgst -sha256 -r "$BODY" | cut -d ' ' -f 1)
  string_to_sign="POST:$path:$body_hash:$timestamp"
  if [ -n "${KEY_BOUND:-}" ]; then string_to_sign="$string_to_sign:$IDEMPOTENCY_KEY"; fi
else
  string_to_sign="$CLIENT_ID|$timestamp"
fi
signature=$(printf '%s' "$string_to_sign" | openssl dgst -sha256 -sign "$PRIVATE_KEY" | openssl base64 -A)

# 3. The request. --data-binary sends the file byte for byte; -d would drop its line breaks.
answer=$(
  {
    echo "Authorization: Bearer $token"
    echo "X-CLIENT-ID: $CLIENT_ID"
    echo "X-TIMESTAMP: $timestamp"
    echo "X-SIGNATURE: $signature"
    if [ -n "${IDEMPOTENCY_KEY:-}" ]; then echo "Idempotency-Key: $IDEMPOTENCY_KEY"; fi
  } | curl -sS -w '\n%{http_code}' -H @- -H 'Content-Type: application/json' --data-binary "@$BODY" "$BASE_URL$path"
)
show "$answer"
