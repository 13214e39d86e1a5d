//! Tools learn the schema; nobody walks it in circles.

use serde_json::{Value, json};

use super::{send_beyond_limits, send_within_limits};
use crate::support::TestApp;

/// What graphql-js and so GraphiQL and most code generators send.
const STANDARD: &str = include_str!("introspection.graphql");
/// The same with everything it can be asked to ask for.
const WITH_EVERYTHING: &str = include_str!("introspection_all.graphql");

#[tokio::test]
async fn the_standard_introspection_query_is_answered_in_full() {
    let app = TestApp::new().await;
    for query in [STANDARD, WITH_EVERYTHING] {
        let schema = app.graphql(query, json!({})).await.data();
        let types = schema["__schema"]["types"].as_array().unwrap();
        let of = |name: &str| types.iter().find(|of| of["name"] == name).unwrap();
        assert!(of("SalesOrder")["fields"].as_array().unwrap().iter().any(|field| field["name"] == "products"));
        let input = of("CreateSalesOrderInput")["inputFields"].as_array().unwrap();
        let products = input.iter().find(|field| field["name"] == "products").unwrap();
        assert_eq!(products["type"]["ofType"]["ofType"]["ofType"]["name"], "ProductInput");
        assert_eq!(schema["__schema"]["mutationType"]["name"], "Mutation");
    }
}

#[tokio::test]
async fn introspection_that_is_switched_off_is_refused_and_type_names_are_not() {
    let app = TestApp::with(|config| config.graphql.introspection = false).await;
    for query in [
        STANDARD,
        "{ __type(name: \"Query\") { name } }",
        "{ __typename ... { __schema { description } } }",
        "{ ...F } fragment F on Query { a: __schema { types { name } } }",
        "query A { __typename } query B { __schema { types { name } } }",
    ] {
        let answer = app.graphql(query, json!({})).await;
        let error = answer.expect_error("GRAPHQL_VALIDATION_FAILED");
        assert!(error["message"].as_str().unwrap().contains("Introspection is switched off"), "{error}");
        assert_eq!(answer.json().get("data"), None);
    }
    assert_eq!(app.graphql("{ __typename }", json!({})).await.data(), json!({"__typename": "Query"}));
    // A wrong guess gets no hint at what would have been right.
    let error = app.graphql("{ salesOrde }", json!({})).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    assert!(!error["message"].as_str().unwrap().contains("salesOrder"), "{error}");
}

#[tokio::test]
async fn introspection_in_circles_is_refused_by_every_way_round() {
    let app = TestApp::new().await;
    for circle in [
        "{ __schema { types { fields { type { fields { name } } } } } }",
        "{ __type(name: \"Query\") { fields { type { fields { type { fields { name } } } } } } }",
        "{ __schema { queryType { fields { args { type { inputFields { name } } } } } } }",
        "{ __schema { types { inputFields { type { inputFields { type { name } } } } } } }",
        "{ __schema { types { interfaces { possibleTypes { interfaces { name } } } } } }",
        "{ __schema { types { possibleTypes { fields { type { name } } } } } }",
        "{ __schema { types { ofType { interfaces { ofType { fields { name } } } } } } }",
        "{ __schema { directives { args { type { inputFields { type { fields { name } } } } } } } }",
        "{ __schema { types { a: fields { type { b: fields { name } } } } } }",
        "{ __schema { types { ... { fields { type { ... on __Type { fields { name } } } } } } } }",
        "{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...U } } } \
         fragment U on __Type { possibleTypes { name } }",
        "{ ...S } fragment S on Query { __schema { types { ...T } } } fragment T on __Type { fields { type { ...U } } } \
         fragment U on __Type { fields { name } }",
    ] {
        let said = send_beyond_limits(&app, circle, circle).await;
        assert!(said.contains("introspection"), "{said}");
    }
    for straight in [
        "{ __schema { types { fields { type { name ofType { name } } args { type { name } } } inputFields { name } } } }",
        "{ a: __type(name: \"Query\") { fields { name } } b: __type(name: \"Mutation\") { fields { name } } }",
    ] {
        let answer = send_within_limits(&app, straight, straight).await;
        assert_eq!(answer.get("errors"), None::<&Value>, "{answer}");
    }
}

#[tokio::test]
async fn questions_about_the_schema_cost_what_their_answers_have() {
    let app = TestApp::new().await;
    // Seven times ten times ten spreads of one field are one field.
    let repeated = format!(
        "{{ __schema {{ types {{ fields {{ {} }} }} }} }} fragment A on __Field {{ {} }} fragment B on __Field {{ {} }}
         fragment C on __Field {{ {} }}",
        "...C ".repeat(7),
        "type { name } ".repeat(10),
        "...A ".repeat(10),
        "...B ".repeat(10),
    );
    let once = "{ __schema { types { fields { type { name } } } } }";
    let (repeated, once) = (app.graphql(&repeated, json!({})).await, app.graphql(once, json!({})).await);
    assert_eq!(repeated.expect(200), once.expect(200));
    // From memory, the answer is the same.
    assert_eq!(app.graphql("{ __schema { types { fields { type { name } } } } }", json!({})).await.text, once.text);
    let kinds: String = (0..99).map(|number| format!("k{number}: kind ")).collect();
    let dear = format!(
        "{{ __schema {{ types {{ fields {{ type {{ {kinds} ofType {{ {kinds} }} }} args {{ type {{ {kinds} }} }} }} }} }} }}"
    );
    // Not for its aliases, of which it has too many as well.
    let app = TestApp::with(|config| config.graphql.max_aliases = 1000).await;
    let error = app.graphql(&dear, json!({})).await.expect_error("LIMIT_EXCEEDED");
    assert!(error["message"].as_str().unwrap().contains("20000 points"), "{error}");
}

#[tokio::test]
async fn a_question_about_the_schema_is_answered_by_its_variables_and_its_operation() {
    let app = TestApp::new().await;
    let document = "query Kind($name: String!) { __type(name: $name) { kind } } query Name($name: String!) { t: __type(name: $name) { name } }";
    for (name, kind) in [("SalesOrder", "OBJECT"), ("Node", "INTERFACE"), ("SalesOrder", "OBJECT")] {
        let ask = async |operation: &str| {
            let body = json!({"query": document, "operationName": operation, "variables": {"name": name}});
            app.post("/graphql", &body).await.data()
        };
        assert_eq!(ask("Kind").await, json!({"__type": {"kind": kind}}));
        assert_eq!(ask("Name").await, json!({"t": {"name": name}}));
    }
}

#[tokio::test]
async fn the_schema_says_what_it_is_for_and_where_each_of_its_scalars_is_specified() {
    let app = TestApp::new().await;
    let query =
        "{ __schema { about: description types { name kind specifiedByURL } } again: __schema { description } }";
    let answer = app.graphql(query, json!({})).await.data();
    let about = answer["__schema"]["about"].as_str().unwrap();
    assert!(about.starts_with("Sales orders of partners"), "{about}");
    assert_eq!(answer["again"]["description"], about);
    assert!(app.get("/schema.graphql").await.text.contains(&format!("\"\"\"\n{about}\n\"\"\"\nschema {{")));
    let built_in = ["Boolean", "Float", "ID", "Int", "String"];
    for scalar in answer["__schema"]["types"].as_array().unwrap().iter().filter(|known| known["kind"] == "SCALAR") {
        let is_specified = scalar["specifiedByURL"].as_str().is_some_and(|url| url.starts_with("https://"));
        assert!(is_specified || built_in.contains(&scalar["name"].as_str().unwrap()), "{scalar}");
    }
    let beside = "query($n: Boolean!) { __typename s: __schema @include(if: $n) { description } }";
    assert_eq!(app.graphql(beside, json!({"n": true})).await.data()["s"]["description"], about);
}
