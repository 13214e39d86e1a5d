#!/usr/bin/env python3
"""A partner's client in Python's standard library, with openssl for RSA: log in, sign, create one sales order; or
validate, cancel or list orders.

Prints the HTTP status, then the body, of the last answer; of a list, those of each page.

  BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \\
  PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] python3 partner.py
  ACTION=validate   with the same: nothing is stored
  ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
  ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ORDERS = "/api/v1/sales-orders"


def send(method, path, headers, body=None):
    request = urllib.request.Request(os.environ["BASE_URL"] + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:  # an answer too: its body says what is wrong
        return error.code, error.read()


def post(path, headers, body):
    return send("POST", path, {"Content-Type": "application/json", **headers}, body)


def sign(text):
    # The standard library has no RSA. Text goes in as it is: a line break at its end would be signed as well.
    command = ["openssl", "dgst", "-sha256", "-sign", os.environ["PRIVATE_KEY"]]
    signature = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return base64.b64encode(signature).decode()


def show(status, answer):
    sys.stdout.buffer.write(b"%d\n%s\n" % (status, answer))


def list_orders(token):
    # Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time.
    query = {"limit": os.environ.get("LIMIT", "200")}
    if os.environ.get("CURSOR"):
        query["cursor"] = os.environ["CURSOR"]
    while True:
        path = f"{ORDERS}?{urllib.parse.urlencode(query)}"
        status, answer = send("GET", path, {"Authorization": f"Bearer {token}"})
        show(status, answer)
        if status != 200:
            return
        page = json.loads(answer)
        if not page["has_more"]:
            return
        query["cursor"] = page["next_cursor"]


def main():
    client_id = os.environ["CLIENT_ID"]
    action = os.environ.get("ACTION", "create")

    # 1. The token.
    credentials = {"client_id": client_id, "client_secret": os.environ["CLIENT_SECRET"]}
    status, answer = post("/api/v1/auth/login", {}, json.dumps(credentials).encode())
    if status != 200:
        return show(status, answer)
    token = json.loads(answer)["token"]
    if action == "list":
        return list_orders(token)

    # 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
    if action == "create":
        path = ORDERS
    elif action == "validate":
        path = f"{ORDERS}/validation"
    elif action == "cancel":
        path = f"{ORDERS}/{os.environ['ORDER_NUMBER']}/cancellation"
    else:
        sys.exit("ACTION is create, validate, cancel or list")
    with open(os.environ["BODY"], "rb") as file:
        body = file.read()
    timestamp = str(int(time.time()))
    if os.environ.get("BODY_BOUND") or action == "cancel":
        string_to_sign = f"POST:{path}:{hashlib.sha256(body).hexdigest()}:{timestamp}"
        if os.environ.get("KEY_BOUND"):
            string_to_sign += f":{os.environ['IDEMPOTENCY_KEY']}"
    else:
        string_to_sign = f"{client_id}|{timestamp}"

    # 3. The request.
    headers = {
        "Authorization": f"Bearer {token}",
        "X-CLIENT-ID": client_id,
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": sign(string_to_sign),
    }
    if os.environ.get("IDEMPOTENCY_KEY"):
        headers["Idempotency-Key"] = os.environ["IDEMPOTENCY_KEY"]
    show(*post(path, headers, body))


main()
