//! What operations answer with: their failures, the headers of every answer, and what leads from one operation to the next.

use serde_json::{Value, json};

use super::refusals;
use crate::rest::operations::operations;

/// Completes every operation of the document.
pub fn complete(document: &mut Value) {
    refusals::add_components(document);
    let prepared = operations();
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let described = paths.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut());
    for operation in described {
        let Some(behind) = prepared.iter().find(|behind| operation["operationId"] == behind.name()) else { continue };
        let refusals = refusals::of(behind, operation["parameters"].as_array().map_or(&[], Vec::as_slice));
        let own: &[&str] = match behind.name() {
            "createSalesOrder" => &["Location", "Idempotent-Replayed"],
            "exportSalesOrders" | "exportRequestLog" => &["Content-Disposition"],
            "salesOrder" | "salesOrdersByReference" => &["ETag"],
            _ => &[],
        };
        let Some(responses) = operation["responses"].as_object_mut() else { continue };
        for response in responses.values_mut() {
            response["headers"] = refusals::headers(own);
            if behind.name() == "createSalesOrder" {
                response["links"] = json!({"salesOrder": {
                    "operationId": "salesOrder",
                    "parameters": {"order_number": "$response.body#/data/order_number"},
                    "description": "The order that was made can be read.",
                }});
            }
        }
        if own.contains(&"ETag") {
            let description = "It is still what `If-None-Match` names";
            responses.insert("304".to_owned(), json!({"description": description, "headers": refusals::headers(own)}));
        }
        responses.extend(refusals);
    }
}
