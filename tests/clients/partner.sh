#!/bin/sh
# A partner's client with curl and openssl: log in, sign, create one sales order.
# Prints the HTTP status, then the body, of the last answer.
#
#   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
#   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] sh partner.sh
set -eu
: "${BASE_URL:?}" "${CLIENT_ID:?}" "${CLIENT_SECRET:?}" "${PRIVATE_KEY:?}" "${BODY:?}"
path=/api/v1/sales-orders

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

# 3. The order. --data-binary sends the file byte for byte; -d would drop its line breaks.
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
