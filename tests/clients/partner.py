#!/usr/bin/env python3
"""A partner's client in Python's standard library, with openssl for RSA: log in, sign, create one sales order.

Prints the HTTP status, then the body, of the last answer.

  BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \\
  PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] python3 partner.py
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

PATH = "/api/v1/sales-orders"


def post(path, headers, body):
    request = urllib.request.Request(
        os.environ["BASE_URL"] + path, data=body, headers={"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:  # an answer too: its body says what is wrong
        return error.code, error.read()


def sign(text):
    # The standard library has no RSA. Text goes in as it is: a line break at its end would be signed as well.
    command = ["openssl", "dgst", "-sha256", "-sign", os.environ["PRIVATE_KEY"]]
    signature = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return base64.b64encode(signature).decode()


def create_order():
    client_id = os.environ["CLIENT_ID"]

    # 1. The token.
    credentials = {"client_id": client_id, "client_secret": os.environ["CLIENT_SECRET"]}
    status, answer = post("/api/v1/auth/login", {}, json.dumps(credentials).encode())
    if status != 200:
        return status, answer
    token = json.loads(answer)["token"]

    # 2. The signature. The body stays bytes: what is hashed is exactly what is sent.
    with open(os.environ["BODY"], "rb") as file:
        body = file.read()
    timestamp = str(int(time.time()))
    if os.environ.get("BODY_BOUND"):
        string_to_sign = f"POST:{PATH}:{hashlib.sha256(body).hexdigest()}:{timestamp}"
        if os.environ.get("KEY_BOUND"):
            string_to_sign += f":{os.environ['IDEMPOTENCY_KEY']}"
    else:
        string_to_sign = f"{client_id}|{timestamp}"

    # 3. The order.
    headers = {
        "Authorization": f"Bearer {token}",
        "X-CLIENT-ID": client_id,
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": sign(string_to_sign),
    }
    if os.environ.get("IDEMPOTENCY_KEY"):
        headers["Idempotency-Key"] = os.environ["IDEMPOTENCY_KEY"]
    return post(PATH, headers, body)


status, answer = create_order()
sys.stdout.buffer.write(b"%d\n%s\n" % (status, answer))
