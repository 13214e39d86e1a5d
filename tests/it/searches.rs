//! A dashboard finds a text whatever the case of its letters and however its accents are encoded, the same on both databases;
//! what an earlier version stored is folded anew meanwhile.

use sales_order_api::store::Folded;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::{Partner, Process, TestApp, order, until};

async fn found(dashboard: &Partner<'_>, filter: Value) -> Vec<String> {
    let document = "query($where: SalesOrderFilter) {
        salesOrders(first: 100, orderBy: ORDER_NUMBER_ASC, where: $where) { nodes { salesName } } }";
    let data = dashboard.graphql(document, json!({"where": filter})).await.data();
    let nodes = data["salesOrders"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| node["salesName"].as_str().unwrap().to_owned()).collect()
}

async fn send(partner: &Partner<'_>, names: &[&str]) {
    for name in names {
        let mut order = order();
        order["sales_name"] = json!(name);
        order["partner_reference"] = json!(name);
        order["products"][0]["product_code"] = json!(name);
        partner.create_with_key(&hex::encode(name), &order).await.expect(201);
    }
}

/// What is stored, what is asked for.
const SAME: [(&str, &[&str]); 8] = [
    ("ΟΔΟΣΑ", &["ΟΔΟΣ", "οδος", "οδοσ", "δοσα"]),
    ("οδος", &["ΟΔΟΣ", "οδοσ"]),
    ("Große Straße", &["GROSSE", "straße", "STRASSE", "STRAẞE"]),
    ("İSTANBUL Ltd", &["istanbul", "İstanbul", "ISTANBUL", "ıstanbul"]),
    ("Diyarbakır", &["DİYARBAKIR", "DIYARBAKIR", "diyarbakır"]),
    ("Café Zoë", &["cafe\u{301}", "CAFÉ", "ZOE\u{308}", "zoë"]),
    ("Cre\u{300}me", &["crème", "CRÈME", "cre\u{300}me"]),
    ("Đặng Ngọc", &["đa\u{323}\u{306}ng", "NGO\u{323}C"]),
];

#[tokio::test]
async fn a_text_is_found_whatever_the_case_of_its_letters_and_the_encoding_of_its_accents() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    send(&partner, &SAME.map(|(name, _)| name)).await;
    send(&partner, &["Cafe Zoe", "Dang Ngoc"]).await;
    let dashboard = app.dashboard().await;
    for (name, sought) in SAME {
        for text in sought {
            for filter in [
                json!({"search": text}),
                json!({"salesName": {"contains": text}}),
                json!({"partnerReference": {"contains": text}}),
                json!({"productCode": {"contains": text}}),
            ] {
                let found = found(&dashboard, filter.clone()).await;
                assert!(found.iter().any(|found| found == name), "{name}: {filter} finds {found:?}");
                assert!(
                    !found.iter().any(|found| found == "Cafe Zoe" || found == "Dang Ngoc"),
                    "{filter} finds {found:?}"
                );
            }
        }
        // What is asked for to the letter stays so.
        assert_eq!(found(&dashboard, json!({"partnerReference": {"eq": name}})).await, [name]);
        assert_eq!(found(&dashboard, json!({"salesName": {"eq": name.to_uppercase() + "x"}})).await, [""; 0]);
    }
}

/// Writes the texts as the version before stored them.
async fn store_as_before(app: &TestApp) {
    let texts = app.database.db_last_texts("SELECT CAST(id AS text) || '|' || sales_name FROM sales_orders").await;
    for text in texts {
        let (id, name) = text.split_once('|').unwrap();
        let text =
            format!("\u{1}cust-001\u{2}site-001\u{3}{name}\u{4}{name}\u{5}\u{6}jl.\u{7}{name}\u{8}").to_lowercase();
        let sql = format!("UPDATE sales_orders SET search_text = '{text}' WHERE id = {id}");
        app.database.db_execute(&sql).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_earlier_version_stored_is_found_before_it_is_folded_anew_and_in_every_spelling_afterwards() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let names = SAME.map(|(name, _)| name);
    send(&partner, &names).await;
    store_as_before(&app).await;
    let dashboard = app.dashboard().await;
    for name in names {
        for spelled in [name.to_owned(), name.to_lowercase()] {
            let found = found(&dashboard, json!({"salesName": {"contains": spelled}})).await;
            assert!(found.iter().any(|found| found == name), "{spelled} finds {found:?}");
        }
        assert_eq!(found(&dashboard, json!({"partnerReference": {"eq": name}})).await, [name]);
    }
    assert_eq!(found(&dashboard, json!({"search": "STRASSE"})).await, [""; 0], "not yet");
    assert!(app.store.fold_search_texts().await.unwrap());
    for (name, sought) in SAME {
        for text in sought {
            let found = found(&dashboard, json!({"search": text})).await;
            assert!(found.iter().any(|found| found == name), "{text} finds {found:?}");
        }
    }
    app.database.true_totals().await;
    // An order of a version that still runs beside this one.
    store_as_before(&app).await;
    assert!(app.store.fold_search_texts().await.unwrap());
    assert_eq!(found(&dashboard, json!({"search": "STRASSE"})).await, ["Große Straße"]);
}

#[tokio::test]
async fn folding_goes_on_where_an_instance_that_was_killed_left_it_and_an_erased_text_stays_erased() {
    let app = TestApp::new().await;
    send(&app.partner().await, &["Große"]).await;
    crate::exports::copies(&app, 2_499).await;
    store_all_as_before(&app).await;
    let unfolded = "SELECT count(*) FROM sales_orders WHERE search_text LIKE '%große%'";
    assert_eq!(app.database.db_number(unfolded).await, 2_500);
    // Some batches, each of which is kept; then it is gone.
    let mut from = 0;
    for _ in 0..9 {
        let Folded::UpTo(id) = app.store.fold_batch(from).await.unwrap() else { panic!("there are more") };
        from = id;
    }
    assert_eq!(app.database.db_number(unfolded).await, 2_500 - from);
    let kept = "SELECT folded_up_to FROM sales_order_search_folding";
    assert_eq!(app.database.db_number(kept).await, 1_500, "the latest are looked at once more");
    let erased = format!("UPDATE sales_orders SET search_text = '' WHERE id = {}", from + 1);
    app.database.db_execute(&erased).await.unwrap();

    let next = app.database.connect().await;
    let Folded::UpTo(id) = next.fold_batch(0).await.unwrap() else { panic!("there are more") };
    assert!(id > 1_500, "it begins at {id}");
    assert!(next.fold_search_texts().await.unwrap());
    assert_eq!(app.database.db_number(unfolded).await, 0);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders WHERE search_text = ''").await, 1);
    assert_eq!(
        app.database.db_number("SELECT count(*) FROM sales_orders WHERE search_text LIKE '%grosse%'").await,
        2_499
    );
    next.close().await;
}

async fn store_all_as_before(app: &TestApp) {
    let text = "'\u{1}c\u{2}s\u{3}große\u{4}p\u{5}\u{6}a'";
    app.database.db_execute(&format!("UPDATE sales_orders SET search_text = {text}")).await.unwrap();
}

#[tokio::test]
async fn of_two_instances_one_folds_at_a_time_and_orders_are_taken_meanwhile() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    let partner = app.partner().await;
    send(&partner, &["Große"]).await;
    store_all_as_before(&app).await;
    assert!(app.store.fold_search_texts().await.unwrap());
    store_all_as_before(&app).await;
    // Another instance is in the middle of a batch.
    let other = app.database.db_connect().await;
    other.execute_unprepared("BEGIN; SELECT * FROM sales_order_search_folding FOR UPDATE").await.unwrap();
    assert_eq!(app.store.fold_batch(0).await.unwrap(), Folded::Elsewhere);
    assert!(!app.store.fold_search_texts().await.unwrap());
    partner.create_with_key("meanwhile", &order()).await.expect(201);
    other.execute_unprepared("ROLLBACK").await.unwrap();
    assert!(app.store.fold_search_texts().await.unwrap());
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders WHERE search_text LIKE '%grosse%'").await, 1);
}

#[tokio::test]
async fn serving_folds_what_an_earlier_version_stored() {
    let app = TestApp::new().await;
    send(&app.partner().await, &["Große"]).await;
    store_all_as_before(&app).await;
    let service = Process::serve(app.database.folder.path(), &app.database.url, |_| {});
    until("the text is folded", async || {
        app.database.db_number("SELECT count(*) FROM sales_orders WHERE search_text LIKE '%grosse%'").await == 1
    })
    .await;
    drop(service);
}
