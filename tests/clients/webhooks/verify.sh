#!/bin/sh
# A partner's receiver of webhooks with openssl: is this one from the service, and is it new?
# Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
#
#   WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
#   [SEEN=ids.txt] [NOW=1795441036] sh verify.sh < body
#   WEBHOOK_SECRET   while it is rotated, both secrets with a space between them; a whpk_ public key verifies v1a, for
#                    which openssl 3 is needed
#   SEEN             a file with the ids of webhooks that were taken before
#   NOW              the time in unix seconds, for tests
set -euf
tolerance=300

for key in ${WEBHOOK_SECRET:-none}; do
  case $key in
    whsec_* | whpk_*) ;;
    *) echo "WEBHOOK_SECRET is not one or more whsec_ secrets or whpk_ public keys" >&2; exit 2 ;;
  esac
done

refuse() {
  echo "invalid: $1"
  exit 1
}

if [ -z "${WEBHOOK_ID:-}" ] || [ -z "${WEBHOOK_TIMESTAMP:-}" ] || [ -z "${WEBHOOK_SIGNATURE:-}" ]; then
  refuse "a header is missing"
fi

# 1. The time, or whoever has a copy could send it for ever. (Zeros before it would make it octal.)
case $WEBHOOK_TIMESTAMP in
  0* | *[!0-9]* | ????????????*) refuse "webhook-timestamp is not in unix seconds" ;;
esac
age=$((${NOW:-$(date +%s)} - WEBHOOK_TIMESTAMP))
if [ "$age" -gt "$tolerance" ]; then refuse "webhook-timestamp is too old"; fi
if [ "$age" -lt "-$tolerance" ]; then refuse "webhook-timestamp is in the future"; fi

# 2. What is signed. The body stays bytes in a file: a variable of the shell would lose line breaks at its end.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ printf '%s.%s.' "$WEBHOOK_ID" "$WEBHOOK_TIMESTAMP"; cat; } > "$folder/signed"

# The bytes of a base64 text, each as two hexadecimal digits.
bytes() { printf '%s\n' "$1" | openssl base64 -d -A | od -An -v -tx1; }

# A block of 64 bytes: the key's, then zeros, each XORed with a number.
block() {
  count=0
  for byte in $2; do
    printf "\\$(printf %o $((0x$byte ^ $1)))"
    count=$((count + 1))
  done
  while [ $count -lt 64 ]; do
    printf "\\$(printf %o "$1")"
    count=$((count + 1))
  done
}

# HMAC-SHA256 by its definition, for keys of 64 bytes at most, as all here are. `openssl dgst -hmac` has the key on its
# command line, which every user of the machine can read; printf is the shell's own.
hmac() {
  key=$(bytes "${1#whsec_}")
  { block 54 "$key"; cat "$folder/signed"; } | openssl dgst -sha256 -binary > "$folder/inner"
  { block 92 "$key"; cat "$folder/inner"; } | openssl dgst -sha256 -binary | openssl base64 -A
}

# The duration of a comparison tells how much of a guess is right. With something random before both, their hashes tell
# nothing.
salt=$(openssl rand -hex 32)
salted() { printf '%s%s' "$salt" "$1" | openssl dgst -sha256 -binary | openssl base64 -A; }

ed25519() {
  # The twelve bytes that make a public key of these 32 bytes.
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf '%s\n' "${1#whpk_}" | openssl base64 -d -A; } |
    openssl pkey -pubin -inform DER -out "$folder/public.pem"
  printf '%s\n' "$2" | openssl base64 -d -A > "$folder/signature"
  openssl pkeyutl -verify -pubin -inkey "$folder/public.pem" -rawin -in "$folder/signed" -sigfile "$folder/signature" \
    > "$folder/said" 2>&1
}

# 3. The signatures: one by one of these keys is enough. One of another version is for another kind of key.
is_signed() {
  for signature in $WEBHOOK_SIGNATURE; do
    for key in $WEBHOOK_SECRET; do
      case $signature+$key in
        v1,*+whsec_*)
          if [ "$(salted "${signature#v1,}")" = "$(salted "$(hmac "$key")")" ]; then return 0; fi ;;
        v1a,*+whpk_*)
          if ed25519 "$key" "${signature#v1a,}"; then return 0; fi ;;
      esac
    done
  done
  return 1
}
if ! is_signed; then refuse "no signature matches"; fi

# 4. The id. A service keeps ids in its database under a unique index, with what the webhook made it do.
if [ -n "${SEEN:-}" ]; then
  touch "$SEEN"
  if grep -qxF -e "$WEBHOOK_ID" "$SEEN"; then
    echo "valid: seen before"
    exit 0
  fi
  printf '%s\n' "$WEBHOOK_ID" >> "$SEEN"
fi
echo "valid"
