"""openapi-python-client: the generated package as it is, from login to order and export."""

import datetime
import json

from generated import AuthenticatedClient, Client
from generated.api.authentication import login, refresh, signature_check
from generated.api.sales_orders import create_sales_order, export_sales_orders, sales_order
from generated.models import (
    CreateSalesOrderInput,
    ErrorCode,
    ExportSalesOrdersFormat,
    Hint,
    LoginInput,
    OrderStatus,
    Problem,
    ProductDto,
    RefreshInput,
)
from partner import BASE_URL, CLIENT_ID, CLIENT_SECRET, DASHBOARD_ID, DASHBOARD_SECRET, signature

anonymous = Client(base_url=BASE_URL)


def log_in(client_id, client_secret):
    opened = login.sync(client=anonymous, body=LoginInput(client_id=client_id, client_secret=client_secret))
    return AuthenticatedClient(base_url=BASE_URL, token=opened.token)


def headers(**other):
    signed = signature() | other
    return {"x_client_id": signed["X-CLIENT-ID"], "x_timestamp": signed["X-TIMESTAMP"], "x_signature": signed["X-SIGNATURE"]}


partner = log_in(CLIENT_ID, CLIENT_SECRET)
refreshed = refresh.sync(client=anonymous, body=RefreshInput(token=partner.token))
assert refreshed.expired_at > 0

order = CreateSalesOrderInput(
    customer_code="CUST-001",
    site_code="SITE-001",
    sales_name="Siti Nurhaliza – Ωmega",
    address="Jl. Sudirman № 1\nJakarta",
    requested_delivery_date=datetime.date(2026, 12, 24),
    products=[ProductDto(product_code="HD9650", quantity=2, unit_price="125000.5")],
)
made = create_sales_order.sync(client=partner, body=order, idempotency_key="python", **headers())
assert made.data.total_amount == "250001", made
assert made.data.requested_delivery_date == datetime.date(2026, 12, 24)
assert made.data.created_at.tzinfo is not None
again = create_sales_order.sync_detailed(client=partner, body=order, idempotency_key="python", **headers())
assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")

read = sales_order.sync(made.data.order_number, client=partner)
assert read.data.status is OrderStatus.RECEIVED

# A failure is read into a type of its own.
forged = headers(**{"X-SIGNATURE": "bm8gc2lnbmF0dXJl"})
refused = create_sales_order.sync(client=partner, body=order, **forged)
assert isinstance(refused, Problem), refused
assert (refused.code, refused.hint) == (ErrorCode.INVALID_SIGNATURE, Hint.SIGNATURE_WRONG_LENGTH)
checked = signature_check.sync(client=partner, **forged)
assert (checked.valid, checked.hint) == (False, Hint.SIGNATURE_WRONG_LENGTH)

dashboard = log_in(DASHBOARD_ID, DASHBOARD_SECRET)
exported = export_sales_orders.sync_detailed(ExportSalesOrdersFormat.JSONL, client=dashboard, status=[OrderStatus.RECEIVED])
numbers = [json.loads(line)["order_number"] for line in exported.content.splitlines()]
assert made.data.order_number in numbers, exported
print(f"made {made.data.order_number}")
