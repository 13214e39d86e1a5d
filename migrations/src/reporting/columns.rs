//! What the views show, and what they leave out.

use super::{Column, Kind, View};

/// The aliases of the tables.
pub(super) const TABLES: [(&str, &str); 4] =
    [("o", "sales_orders"), ("l", "sales_order_lines"), ("e", "sales_order_events"), ("c", "clients")];

/// Columns of these tables that no view shows, and why.
pub const LEFT_OUT: [(&str, &str, &str); 4] = [
    ("sales_orders", "idempotency_key", "tells requests apart, and may hold what a sender keeps to itself"),
    ("sales_orders", "request_digest", "tells requests apart"),
    ("sales_orders", "search_text", "what searches look through, made of the other columns"),
    ("sales_orders", "reference_is_unique", "tells which orders hold their partner reference alone"),
];

const fn column(
    name: &'static str,
    kind: Kind,
    (of, source): (&'static str, &'static str),
    comment: &'static str,
) -> Column {
    Column { name, kind, of, source, comment }
}

const fn order(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    column(name, kind, ("o", name), comment)
}

const fn line(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    column(name, kind, ("l", name), comment)
}

const fn event(name: &'static str, kind: Kind, comment: &'static str) -> Column {
    column(name, kind, ("e", name), comment)
}

/// The views. A new column comes last: one that is built upon can only grow at its end.
pub const VIEWS: [View; 3] = [
    View {
        name: "reporting_sales_orders",
        about: "Sales orders, one row each. Amounts are in the currency of the order.",
        table: "sales_orders",
        from: "sales_orders o JOIN clients c ON c.client_id = o.client_id",
        columns: &[
            column(
                "order_id",
                Kind::Plain,
                ("o", "id"),
                "Joins the reporting views; internal, partners know the order number",
            ),
            order("order_number", Kind::Plain, "Order number, such as SO-0000000042"),
            order("client_id", Kind::Plain, "Client id of the sender"),
            column("client_name", Kind::Plain, ("c", "name"), "Name of the sender"),
            order("status", Kind::Plain, "RECEIVED, CONFIRMED, SHIPPED, DELIVERED or CANCELLED"),
            order("version", Kind::Plain, "Rises with every change of the order, from 1"),
            order("customer_code", Kind::Plain, "Customer code"),
            order("site_code", Kind::Plain, "Site code"),
            order("sales_name", Kind::Plain, "Name of the sales person"),
            order("address", Kind::Plain, "Delivery address, may have several lines"),
            order("note", Kind::Plain, "Note of the sender"),
            order("partner_reference", Kind::Plain, "Number of the order in the system of the sender"),
            order("requested_delivery_date", Kind::Day, "Day on which the sender asks for delivery"),
            order("currency", Kind::Plain, "ISO 4217 code of the currency of all amounts"),
            order("line_count", Kind::Plain, "How many lines it has"),
            order("total_quantity", Kind::Plain, "Sum of the quantities of the lines"),
            order("total_amount", Kind::Money, "Sum of the amounts of the lines; null when a line has no price"),
            order("unpriced_lines", Kind::Plain, "How many lines have no price"),
            order("priced_amount", Kind::Money, "Sum of the amounts of the lines that have a price"),
            order("created_at", Kind::Time, "When the order was received"),
            order("updated_at", Kind::Time, "When it last changed; its receipt before that"),
        ],
    },
    View {
        name: "reporting_sales_order_lines",
        about: "Lines of sales orders, one row each. Amounts are in the currency of the order.",
        table: "sales_order_lines",
        from: "sales_order_lines l JOIN sales_orders o ON o.id = l.order_id",
        columns: &[
            line("order_id", Kind::Plain, "Joins reporting_sales_orders"),
            order("order_number", Kind::Plain, "Order number, such as SO-0000000042"),
            line("line_no", Kind::Plain, "Number of the line in its order, from 1"),
            line("product_code", Kind::Plain, "Product code"),
            line("product_name", Kind::Plain, "Product name"),
            line("quantity", Kind::Plain, "Quantity"),
            line("unit", Kind::Plain, "Unit of the quantity"),
            order("currency", Kind::Plain, "ISO 4217 code of the currency of the amounts"),
            line("unit_price", Kind::Money, "Price of one; null when the sender gave none"),
            column(
                "line_amount",
                Kind::LineAmount,
                ("l", "unit_price"),
                "Quantity times unit price; null without a price",
            ),
            line("note", Kind::Plain, "Note of the sender"),
            line("reference", Kind::Plain, "Reference of the line in the system of the sender"),
            line(
                "confirmed_quantity",
                Kind::Plain,
                "Confirmed; null in all of these while the line follows the status of its order",
            ),
            line("back_ordered_quantity", Kind::Plain, "To come later"),
            line("rejected_quantity", Kind::Plain, "Will not be supplied"),
            line("cancelled_quantity", Kind::Plain, "Cancelled"),
            line("shipped_quantity", Kind::Plain, "Has left, of what is confirmed"),
            line("promised_on", Kind::Day, "Day on which it is promised to arrive"),
            line("answer_reason", Kind::Plain, "Why not all of it is confirmed, such as OUT_OF_STOCK"),
        ],
    },
    View {
        name: "reporting_sales_order_events",
        about: "What happened to sales orders, one row for each event.",
        table: "sales_order_events",
        from: "sales_order_events e JOIN sales_orders o ON o.id = e.order_id",
        columns: &[
            event("position", Kind::Plain, "Number of the event among those of all orders; rises, with gaps"),
            event("order_id", Kind::Plain, "Joins reporting_sales_orders"),
            order("order_number", Kind::Plain, "Order number, such as SO-0000000042"),
            event("sequence", Kind::Plain, "Number of the event among those of its order, from 1"),
            event(
                "kind",
                Kind::Plain,
                "CREATED, STATUS_CHANGED, LINES_CONFIRMED, SHIPMENT_RECORDED, SHIPMENT_DELIVERED, REQUEST_RECEIVED, \
                 REQUEST_ANSWERED, ORDER_CHANGED or ACKNOWLEDGED",
            ),
            event("actor", Kind::Plain, "Client id of whoever did it"),
            event("payload", Kind::Json, "Data of the event, by its kind, as JSON"),
            event("created_at", Kind::Time, "When it happened"),
        ],
    },
];
