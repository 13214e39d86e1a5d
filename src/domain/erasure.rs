//! Erasing what is personal in an order: the sales person's name, the address and all notes, wherever they are kept.
//!
//! What stays: numbers, codes, products, quantities, amounts, times, who did what, and the receipt, which holds hashes and no text.

use super::client::ClientId;
use super::event::EventKind;
use super::fields::{Fields, Text};
use super::fulfilment::Fulfilment;
use super::order::{OrderNumber, OrderStatus};
use super::order_change::{ChangeableField, OrderChange};
use super::order_request::{Asked, OrderRequest};
use crate::error::FieldError;

/// What stands for a text that an order must have once it is erased. No order is taken with it.
pub const ERASED: &str = "";

/// Whether an order may lose its address: one that is under way still needs it, and so does one of which something is to come later. A
/// request of its sender is pending only as long as something of the order can be changed.
#[must_use]
pub fn is_closed(status: OrderStatus, fulfilment: &Fulfilment) -> bool {
    matches!(status, OrderStatus::Delivered | OrderStatus::Cancelled) && !fulfilment.is_changeable()
}

/// The customer whose orders are erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerToErase {
    /// The client that sends its orders: another client's customer with the same code is another one.
    pub client_id: ClientId,
    /// The customer's code.
    pub customer_code: String,
    /// Only orders behind this one: how an erasure goes on.
    pub after: OrderNumber,
}

impl CustomerToErase {
    /// Reads `{client_id, customer_code, after}`, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let client_id = fields.parsed_text("client_id", str::parse::<ClientId>);
        let customer_code = fields.text("customer_code", Text::line(64));
        let after = fields.optional_parsed("after", str::parse).unwrap_or(OrderNumber::NONE);
        fields.finish()?;
        match (client_id, customer_code) {
            (Some(client_id), Some(customer_code)) => Ok(Self { client_id, customer_code, after }),
            _ => Err(Vec::new()),
        }
    }
}

/// Reads `{order_number}`, or describes it. Whether there is such an order is not known yet.
pub fn read_order(mut fields: Fields<'_>) -> Result<String, Vec<FieldError>> {
    let order_number = fields.text("order_number", Text::line(64));
    fields.finish()?;
    order_number.ok_or_else(Vec::new)
}

impl EventKind {
    /// The same without what is personal.
    #[must_use]
    pub fn erased(self) -> Self {
        match self {
            Self::StatusChanged { from, status, version, .. } => {
                Self::StatusChanged { from, status, version, note: None, partner_note: None }
            }
            Self::RequestReceived { version, request } => {
                Self::RequestReceived { version, request: Box::new(request.erased()) }
            }
            Self::RequestAnswered { version, request, lines } => {
                Self::RequestAnswered { version, request: Box::new(request.erased()), lines }
            }
            Self::OrderChanged { version, request, mut changes } => {
                for change in &mut changes {
                    if change.field == ChangeableField::Address {
                        let erased = |text: &mut Option<String>| *text = text.take().map(|_| ERASED.to_owned());
                        erased(&mut change.before);
                        erased(&mut change.after);
                    }
                }
                Self::OrderChanged { version, request, changes }
            }
            kind @ (Self::Created
            | Self::LinesConfirmed { .. }
            | Self::ShipmentRecorded { .. }
            | Self::ShipmentDelivered { .. }
            | Self::Acknowledged { .. }
            | Self::PersonalDataErased { .. }) => kind,
        }
    }
}

impl OrderRequest {
    /// The same without what is personal.
    #[must_use]
    pub fn erased(mut self) -> Self {
        self.note = None;
        if let Some(answer) = &mut self.answer {
            answer.note = None;
        }
        if let Asked::Change { change } = &mut self.asked {
            change.erase();
        }
        self
    }
}

impl OrderChange {
    /// Erases what is personal.
    pub fn erase(&mut self) {
        if let Some(address) = &mut self.address {
            ERASED.clone_into(address);
        }
        for line in &mut self.added_lines {
            line.note = None;
        }
    }
}

/// What a search looks through (`NewOrder::search_text`) without the sections of the sales person and of the address.
#[must_use]
pub fn erased_search_text(text: &str) -> String {
    let mut section = '\0';
    text.chars()
        .filter(|c| {
            if ('\u{1}'..='\u{8}').contains(c) {
                section = *c;
                return true;
            }
            !matches!(section, '\u{3}' | '\u{6}')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Naming;
    use super::*;

    #[test]
    fn no_event_of_an_erased_order_holds_an_address_or_a_note() {
        let request = |answer: &str| {
            format!(
                r#"{{"number":"RQ-0000000002","kind":"CHANGE","change":{{"requested_delivery_date":null,"address":"SECRET","changed_lines":[],"removed_lines":[],"added_lines":[{{"product_code":"P","quantity":1,"product_name":null,"unit":null,"unit_price":"0.5","note":"SECRET"}}]}},"state":"PENDING","reason":"OTHER","note":"SECRET","requested_at":"2026-11-23T13:00:00.123456Z","answer":{answer}}}"#
            )
        };
        let received = format!(r#"{{"version":2,"request":{}}}"#, request("null"));
        let answer = r#"{"reason":null,"note":"SECRET","at":"2026-11-23T14:00:00Z"}"#;
        let answered = format!(r#"{{"version":2,"request":{},"lines":[]}}"#, request(answer));
        for (kind, payload) in [
            (
                "STATUS_CHANGED",
                r#"{"from":"RECEIVED","status":"CANCELLED","version":2,"note":"SECRET","partner_note":"SECRET"}"#,
            ),
            ("REQUEST_RECEIVED", &received),
            ("REQUEST_ANSWERED", &answered),
            (
                "ORDER_CHANGED",
                r#"{"version":2,"request":"RQ-0000000002","changes":[{"field":"ADDRESS","line_no":null,"before":"SECRET","after":"SECRET"},{"field":"QUANTITY","line_no":1,"before":"2","after":"5"}]}"#,
            ),
        ] {
            let before = EventKind::restore(kind, payload).unwrap();
            let after = before.clone().erased();
            assert!(before.payload().contains("SECRET") && !after.payload().contains("SECRET"), "{}", after.payload());
            assert_eq!((after.version(), after.clone().erased()), (before.version(), after), "{kind}");
        }
    }

    #[test]
    fn a_search_finds_an_erased_order_by_its_codes_and_reference_alone() {
        let text = "\u{1}cust\u{2}site\u{3}john doe\u{4}p1\u{1f}p2\u{5}names\u{6}jl. sudirman\u{7}po-1\u{8}";
        let erased = "\u{1}cust\u{2}site\u{3}\u{4}p1\u{1f}p2\u{5}names\u{6}\u{7}po-1\u{8}";
        assert_eq!(erased_search_text(text), erased);
        assert_eq!(erased_search_text(erased), erased);
        assert_eq!(erased_search_text("\u{3}a\u{6}b"), "\u{3}\u{6}");
    }

    #[test]
    fn a_customer_is_named_by_its_client_and_code() {
        let read = |input| CustomerToErase::read(Fields::new(&input, Naming::CamelCase));
        let read_whole = read(json!({"clientId": "versuni", "customerCode": "C", "after": "SO-0000000007"})).unwrap();
        assert_eq!(read_whole.after, OrderNumber::from_id(7));
        assert_eq!(read(json!({"clientId": "versuni", "customerCode": "C"})).unwrap().after, OrderNumber::NONE);
        let faults = read(json!({"customerCode": " ", "after": "7"})).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| &*fault.pointer).collect();
        assert_eq!(pointers, ["/clientId", "/customerCode", "/after"]);
    }
}
