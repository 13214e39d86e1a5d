#!/usr/bin/env python3
"""A partner's receiver of webhooks in Python's standard library: is this one from the service, and is it new?

Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).

  WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \\
  [SEEN=ids.txt] [NOW=1795441036] python3 verify.py < body
  WEBHOOK_SECRET   while it is rotated, both secrets with a space between them
  SEEN             a file with the ids of webhooks that were taken before
  NOW              the time in unix seconds, for tests

Only v1 signatures: the standard library has no Ed25519, which v1a needs.
"""

import base64
import hashlib
import hmac
import os
import sys
import time

TOLERANCE = 300


def fault(secrets, webhook_id, timestamp, header, body, now):
    """Gives why the webhook is refused, or None."""
    if not (webhook_id and timestamp and header):
        return "a header is missing"
    # 1. The time, or whoever has a copy could send it for ever.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return "webhook-timestamp is not in unix seconds"
    if now - int(timestamp) > TOLERANCE:
        return "webhook-timestamp is too old"
    if int(timestamp) - now > TOLERANCE:
        return "webhook-timestamp is in the future"
    # 2. The signatures: one by one of these secrets is enough. Those of other versions are for others.
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    for signature in header.split():
        version, _, encoded = signature.partition(",")
        for secret in secrets:
            key = base64.b64decode(secret.removeprefix("whsec_"))
            right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
            # Not ==, whose duration tells how much of a guess is right.
            if version == "v1" and hmac.compare_digest(encoded.encode(), right):
                return None
    return "no signature matches"


def seen_before(webhook_id):
    """Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do."""
    if not os.environ.get("SEEN"):
        return False
    with open(os.environ["SEEN"], "a+", encoding="utf-8") as file:
        file.seek(0)
        if webhook_id in file.read().splitlines():
            return True
        file.write(webhook_id + "\n")
    return False


def main():
    secrets = os.environ.get("WEBHOOK_SECRET", "").split()
    if not secrets or not all(secret.startswith("whsec_") for secret in secrets):
        sys.exit("WEBHOOK_SECRET is not one or more whsec_ secrets")
    names = ("WEBHOOK_ID", "WEBHOOK_TIMESTAMP", "WEBHOOK_SIGNATURE")
    webhook_id, timestamp, header = (os.environ.get(name, "") for name in names)
    now = int(os.environ.get("NOW") or time.time())
    # The bytes as they came in: parsed and written again, the same JSON has another signature.
    body = sys.stdin.buffer.read()
    why = fault(secrets, webhook_id, timestamp, header, body, now)
    if why:
        print(f"invalid: {why}")
        sys.exit(1)
    print("valid: seen before" if seen_before(webhook_id) else "valid")


main()
