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

/// Shows them beside the operation that they end with.
pub fn show(document: &mut Value) {
    if let Some(Value::Object(create)) = document.pointer_mut("/paths/~1api~1v1~1sales-orders/post") {
        create.insert("x-codeSamples".to_owned(), samples());
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
