"""Schemathesis hooks: a partner who logs in and signs what it sends, as `security` asks for.

A header that schemathesis leaves out or damages on purpose stays as schemathesis wants it.
"""

import json
import urllib.request
import uuid
from datetime import datetime
from decimal import Decimal, InvalidOperation

import schemathesis
from partner import BASE_URL, CLIENT_ID, CLIENT_SECRET, DASHBOARD_ID, DASHBOARD_SECRET, signature
from schemathesis.core.parameters import ParameterLocation


def log_in(client_id, client_secret):
    body = json.dumps({"client_id": client_id, "client_secret": client_secret}).encode()
    request = urllib.request.Request(f"{BASE_URL}/api/v1/auth/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["token"]


PARTNER = log_in(CLIENT_ID, CLIENT_SECRET)
DASHBOARD = log_in(DASHBOARD_ID, DASHBOARD_SECRET)


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, ctx):
        return DASHBOARD if case.operation.path.endswith("{format}") else PARTNER

    def set(self, case, data, ctx):
        if case.operation.definition.raw.get("security"):
            case.headers["Authorization"] = f"Bearer {data}"


LARGEST_TOTAL = Decimal("9999999999999.9999")


def amount(line):
    try:
        amount = Decimal(line["quantity"]) * Decimal(str(line["unit_price"]).strip())
        return amount if amount.is_finite() else Decimal(0)
    except (TypeError, KeyError, ValueError, InvalidOperation):
        return Decimal(0)


def is_exact(part):
    """Whether amounts that are numbers have at most 4 decimals: a schema that said so would have 19.99 refused by validators that
    divide floats."""
    names = ("unit_price", "expected_line_amount", "expected_total")
    amounts = [part.get(name) for name in names] if isinstance(part, dict) else []
    return all(not isinstance(one, float) or -Decimal(repr(one)).normalize().as_tuple().exponent <= 4 for one in amounts)


@schemathesis.hook
def filter_body(context, body):
    """Leaves out orders whose total is beyond the bound, or whose amounts have more decimals than are kept: the description says so,
    and no schema can tell."""
    lines = body.get("products") if isinstance(body, dict) else None
    is_in_bounds = not isinstance(lines, list) or (sum(map(amount, lines)) <= LARGEST_TOTAL and all(map(is_exact, lines)))
    return is_in_bounds and is_exact(body)


@schemathesis.hook
def filter_query(context, query):
    """Leaves out spans of time that end before they begin, which no schema can tell."""
    try:
        begins, ends = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
        return begins < ends
    except (TypeError, KeyError, ValueError):
        return True


@schemathesis.hook
def before_process_path(context, path, methods):
    """Leaves out parameters of lists and exports that go with some others or one format only, or hold a name, a number or a cursor that no schema
    can tell."""
    if "get" in methods:
        untold = {"for", "separator", "time_zone", "after", "cursor", "order_number"}
        parameters = methods["get"].get("parameters", [])
        methods["get"]["parameters"] = [one for one in parameters if one["in"] != "query" or one["name"] not in untold]
    if "put" in methods:
        # The cursor of a consumer, which is all that its body may hold.
        methods["put"]["requestBody"]["content"]["application/json"]["schema"] = {"type": "object", "additionalProperties": False}


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.path != "/api/v1/sales-orders" or case.method != "POST" or case.meta is None:
        return
    headers = case.meta.components.get(ParameterLocation.HEADER)
    if headers is not None and headers.mode.is_negative:
        return
    case.headers.update(signature())
    # Each case is an order of its own.
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
