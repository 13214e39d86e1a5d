"""standardwebhooks, as a receiver uses it: a JSON list of webhooks comes in, and out goes for each whether it is valid."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def is_valid(webhook):
    try:
        Webhook(webhook["secret"]).verify(webhook["body"].encode(), webhook["headers"])
    except WebhookVerificationError:
        return False
    return True


print(json.dumps([is_valid(webhook) for webhook in json.load(sys.stdin)]))
