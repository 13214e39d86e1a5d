//! A developer gets the contracts from the program itself, without a running service.

use super::Desk;

#[tokio::test]
async fn schema_openapi_and_order_life_print_the_committed_files_to_the_last_byte() {
    let desk = Desk::new().await;
    for (command, file) in
        [("schema", "schema.graphql"), ("openapi", "docs/openapi.json"), ("order-life", "docs/order-life.svg")]
    {
        let committed = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")));
        let committed = committed.unwrap_or_else(|error| panic!("{file}: {error}; run `make contracts`"));
        assert!(desk.run(&[command]).succeeds() == committed, "{file} is out of date; run `make contracts`");
    }
    assert_eq!(std::fs::read_dir(desk.folder()).unwrap().count(), 0, "printing leaves nothing behind");
}
