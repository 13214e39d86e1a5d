"""A partner that signs: what the Python programs beside this file share."""

import base64
import os
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

BASE_URL, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("BASE_URL", "CLIENT_ID", "CLIENT_SECRET"))
DASHBOARD_ID, DASHBOARD_SECRET = os.environ["DASHBOARD_ID"], os.environ["DASHBOARD_SECRET"]
with open(os.environ["PRIVATE_KEY"], "rb") as file:
    KEY = serialization.load_pem_private_key(file.read(), password=None)


def signature():
    """Gives the three headers of a signed request."""
    timestamp = str(int(time.time()))
    text = f"{CLIENT_ID}|{timestamp}".encode()
    signed = base64.b64encode(KEY.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    return {"X-CLIENT-ID": CLIENT_ID, "X-TIMESTAMP": timestamp, "X-SIGNATURE": signed}
