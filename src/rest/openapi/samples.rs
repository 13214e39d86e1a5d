//! A partner's whole client in each language: the very files that the suite runs against the service.

use serde_json::{Value, json};

macro_rules! samples {
    ($( $lang:literal $label:literal $file:literal; )+) => {
        fn samples() -> Value {
            json!([$( {
                "lang": $lang,
                "label": $label,
                "source": include_str!(concat!("../../../tests/clients/", $file)),
            } ),+])
        }
    };
}

/// The operations that they end with, each by its path and method.
const OPERATIONS: [(&str, &str); 4] = [
    ("/api/v1/sales-orders", "post"),
    ("/api/v1/sales-orders", "get"),
    ("/api/v1/sales-orders/validation", "post"),
    ("/api/v1/sales-orders/{order_number}/cancellation", "post"),
];

/// Shows them beside the operations that they end with.
pub fn show(document: &mut Value) {
    for (path, method) in OPERATIONS {
        if let Some(Value::Object(operation)) = document["paths"][path].get_mut(method) {
            operation.insert("x-codeSamples".to_owned(), samples());
        }
    }
}

samples! {
    "bash" "curl + openssl" "partner.sh";
    "javascript" "Node" "partner.mjs";
    "python" "Python" "partner.py";
    "java" "Java" "Partner.java";
    "php" "PHP" "partner.php";
    "csharp" "C#" "Partner.cs";
    "go" "Go" "partner.go";
    "perl" "Perl" "partner.pl";
}
