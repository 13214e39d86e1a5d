//! The CSV for people opens right in their spreadsheet; the one for programs is exact.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Partner, TestApp, leave_out, order};

/// An order with texts that spreadsheets take for something else.
fn odd() -> Value {
    json!({
        "customer_code": "00123", "site_code": "1E5", "sales_name": "=HYPERLINK(\"http://evil\",\"x\")", "currency": "IDR",
        "address": "Jl. Sudirman No. 1; lantai 2\n@SUM(A1)", "note": "東京 – \"Zoë\", =1+1", "partner_reference": "+62",
        "requested_delivery_date": "2026-12-24",
        "products": [
            {"product_code": "1/2", "quantity": 3, "unit_price": "125000.25", "product_name": "TRUE", "unit": "MAR1", "reference": "007"},
            {"product_code": "-5%", "quantity": 1, "unit_price": "0.125", "note": "2026-01-02"},
        ],
    })
}

/// The columns of a CSV by their names, each with the value of every row.
fn columns(text: &str, separator: u8) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    let headings: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let column = |at: usize| rows.iter().map(|row| row[at].to_owned()).collect();
    headings.into_iter().enumerate().map(|(at, name)| (name, column(at))).collect()
}

async fn stock(app: &TestApp) -> Partner<'_> {
    app.partner().await.create(&odd()).await.expect(201);
    app.dashboard().await
}

#[tokio::test]
async fn codes_stay_texts_dates_are_local_and_totals_stand_once() {
    let app = TestApp::new().await;
    let dashboard = stock(&app).await;
    for (query, separator, point) in
        [("", ';', ','), ("&separator=;", ';', ','), ("&separator=,", ',', '.'), ("&separator=comma", ',', '.')]
    {
        let answer = dashboard.get(&format!("/api/v1/sales-orders.csv?for=spreadsheet{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        let text = answer.text.strip_prefix('\u{feff}').expect("a byte order mark");
        let columns = columns(text, separator as u8);
        let amount = |text: &str| text.replace('.', &point.to_string());
        for (name, expected) in [
            ("order_number", ["=\"SO-0000000001\"", "=\"SO-0000000001\""].map(str::to_owned)),
            ("customer_code", ["=\"00123\"", "=\"00123\""].map(str::to_owned)),
            ("site_code", ["=\"1E5\"", "=\"1E5\""].map(str::to_owned)),
            ("partner_reference", ["=\"+62\"", "=\"+62\""].map(str::to_owned)),
            ("product_code", ["=\"1/2\"", "=\"-5%\""].map(str::to_owned)),
            ("reference", ["=\"007\"", ""].map(str::to_owned)),
            ("line_note", ["", "=\"2026-01-02\""].map(str::to_owned)),
            ("status", ["RECEIVED", "RECEIVED"].map(str::to_owned)),
            ("quantity", ["3", "1"].map(str::to_owned)),
            ("requested_delivery_date", ["2026-12-24", "2026-12-24"].map(str::to_owned)),
            ("created_at", ["2026-11-23 20:37:16", "2026-11-23 20:37:16"].map(str::to_owned)),
            ("time_zone", ["Asia/Jakarta", "Asia/Jakarta"].map(str::to_owned)),
            ("total_quantity", ["4", ""].map(str::to_owned)),
            ("total_amount", [amount("375000.875"), String::new()]),
            ("line_amount", [amount("375000.75"), amount("0.125")]),
            ("unit_price", [amount("125000.25"), amount("0.125")]),
        ] {
            assert_eq!(columns[name], expected, "{name} with {separator}");
        }
    }
    let elsewhere = dashboard.get("/api/v1/sales-orders.csv?for=spreadsheet&time_zone=America/New_York").await.text;
    let columns = columns(&elsewhere[3..], b';');
    assert_eq!((&*columns["updated_at"][0], &*columns["time_zone"][0]), ("2026-11-23 08:37:16", "America/New_York"));
}

/// What begins a cell, wherever the file is cut, is no formula but that of a text.
#[tokio::test]
async fn a_file_for_a_spreadsheet_runs_nothing_even_where_it_is_cut_at_another_separator() {
    let app = TestApp::new().await;
    let dashboard = stock(&app).await;
    for separator in [';', ','] {
        let path = format!("/api/v1/sales-orders.csv?for=spreadsheet&separator={separator}");
        let text = dashboard.get(&path).await.text;
        // As a spreadsheet reads it that expects the separator of the file.
        let mut reader = csv::ReaderBuilder::new().delimiter(separator as u8).from_reader(text.as_bytes());
        for cell in reader.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()) {
            let is_text = cell.starts_with("=\"") && cell.ends_with('"') && {
                let within = &cell[2..cell.len() - 1];
                !within.replace("\"\"", "").contains('"')
            };
            assert!(is_text || !cell.starts_with(['=', '+', '-', '@']), "{cell:?}");
        }
        // As one reads it that expects another one.
        let other = if separator == ';' { ',' } else { ';' };
        for piece in text.split([other, '\t', '|', '\n', '\r']) {
            let is_text = piece.starts_with("\"=\"\"");
            assert!(is_text || !piece.trim_start_matches(['"', ' ']).starts_with(['=', '+', '-', '@']), "{piece:?}");
        }
    }
}

#[tokio::test]
async fn the_file_for_programs_is_known_by_its_name() {
    let app = TestApp::new().await;
    let dashboard = stock(&app).await;
    // A spreadsheet would run the texts of that one alone.
    for (query, name) in [
        ("", "sales-orders.csv"),
        ("?for=spreadsheet", "sales-orders.csv"),
        ("?for=program", "sales-orders-for-programs.csv"),
    ] {
        let export = dashboard.get(&format!("/api/v1/sales-orders.csv{query}")).await;
        let expected = format!("attachment; filename=\"{name}\"");
        assert_eq!(export.header("content-disposition"), Some(expected.as_str()), "{query}");
    }
}

#[tokio::test]
async fn the_file_for_programs_holds_every_text_to_the_letter() {
    let app = TestApp::new().await;
    let dashboard = stock(&app).await;
    let exact = dashboard.get("/api/v1/sales-orders.csv?for=program").await.text;
    assert!(!exact.starts_with('\u{feff}'));
    let columns = columns(&exact, b',');
    let line: Value =
        serde_json::from_str(&dashboard.get("/api/v1/sales-orders.jsonl?for=program").await.text).unwrap();
    assert_eq!(line, serde_json::from_str::<Value>(&dashboard.get("/api/v1/sales-orders.jsonl").await.text).unwrap());
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (name, value) in line.as_object().unwrap().iter().filter(|(_, value)| !value.is_array()) {
        assert_eq!(columns[name][0], shown(value), "{name}");
    }
    for (index, product) in line["products"].as_array().unwrap().iter().enumerate() {
        for (name, value) in product.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
            let name = if name == "note" { "line_note" } else { name };
            assert_eq!(columns[name][index], shown(value), "{name}");
        }
    }
    let odd = odd();
    assert_eq!((&columns["sales_name"][0], &columns["note"][0]), (&shown(&odd["sales_name"]), &shown(&odd["note"])));
    // Beside it the plain one stays guarded.
    let plain = dashboard.get("/api/v1/sales-orders.csv").await.text;
    assert_eq!(self::columns(&plain, b',')["partner_reference"], ["'+62", "'+62"]);
}

#[tokio::test]
async fn whoever_adds_up_a_column_counts_no_order_twice() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..3 {
        partner.create_with_key(&n.to_string(), &order()).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    for query in ["", "?for=program", "?for=spreadsheet&separator=,"] {
        let text = dashboard.get(&format!("/api/v1/sales-orders.csv{query}")).await.text;
        let columns = columns(text.trim_start_matches('\u{feff}'), b',');
        let sum = |name: &str| columns[name].iter().filter_map(|cell| cell.parse::<f64>().ok()).sum::<f64>();
        assert_eq!(
            [sum("total_amount"), sum("line_amount")].map(|sum| sum.to_string()),
            ["750001.5", "750001.5"],
            "{query}"
        );
        assert_eq!([sum("total_quantity"), sum("quantity")].map(|sum| sum.to_string()), ["9", "9"], "{query}");
    }
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_with_every_faulty_parameter() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    for (path, pointers) in [
        ("/api/v1/sales-orders.jsonl?for=spreadsheet", &["/for"][..]),
        ("/api/v1/sales-orders.csv?for=excel&colour=red", &["/for", "/colour"]),
        ("/api/v1/sales-orders.csv?separator=;", &["/separator"]),
        (
            "/api/v1/sales-orders.csv?for=spreadsheet&time_zone=Mars&separator=|&search=a&search=b",
            &["/separator", "/time_zone", "/search"],
        ),
        ("/api/v1/sales-orders.csv?cursors=1&for=program&for=program", &["/for", "/cursors"]),
    ] {
        let problem = dashboard.get(path).await.expect_problem(400, "VALIDATION_FAILED");
        let found: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(found, pointers, "{path}");
    }
}

/// Through the real program, in its own words for a cell.
#[tokio::test]
async fn libreoffice_shows_codes_as_they_are_and_adds_up_amounts() {
    if Command::new("soffice").arg("--version").output().is_err() {
        leave_out("LibreOffice is not installed");
        return;
    }
    let app = TestApp::new().await;
    let dashboard = stock(&app).await;
    // The separator, the language whose decimal mark goes with it, and what the file asks for.
    for (separator, code, language) in [(";", 59, 1057), (",", 44, 1033)] {
        let path = format!("/api/v1/sales-orders.csv?for=spreadsheet&separator={separator}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("orders.csv"), dashboard.get(&path).await.text).unwrap();
        let converted = Command::new("soffice")
            .args(["--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"])
            .arg(format!("--infilter=CSV:{code},34,76,1,,{language},false,true"))
            .args(["--outdir", "out", "orders.csv"])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .output()
            .unwrap();
        let shown =
            std::fs::read_to_string(folder.path().join("out/orders.csv")).unwrap_or_else(|_| panic!("{converted:?}"));
        let columns = columns(shown.trim_start_matches('\u{feff}'), b',');
        let odd = odd();
        for name in ["customer_code", "site_code", "partner_reference", "sales_name"] {
            assert_eq!(columns[name][0], odd[name].as_str().unwrap(), "{name}");
        }
        assert_eq!(columns["product_code"], ["1/2", "-5%"]);
        assert_eq!(columns["reference"][0], "007");
        assert_eq!(
            columns["note"][0],
            odd["note"].as_str().unwrap().replace(", =1", if separator == ";" { ",' =1" } else { ", =1" })
        );
        assert!(columns["created_at"][0].starts_with("2026-11-23 20:37:16"), "{:?}", columns["created_at"]);
        // A number, written with the decimal mark of English again.
        let amounts: Vec<f64> =
            columns["line_amount"].iter().map(|cell| cell.replace(',', ".").parse().unwrap()).collect();
        assert_eq!(amounts, [375_000.75, 0.125]);
    }
}
