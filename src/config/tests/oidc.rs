//! How people sign in: what is refused at the start, and how it is said.

use super::*;

/// A provider that nothing is wrong with.
const PROVIDER: [(&str, &str); 4] = [
    ("SALES_ORDER_HTTP__PUBLIC_URL", "https://orders.example.com"),
    ("SALES_ORDER_OIDC__ISSUER", "https://id.example.com/realms/staff"),
    ("SALES_ORDER_OIDC__CLIENT_ID", "sales-orders"),
    ("SALES_ORDER_OIDC__GROUPS", "{\"/sales\" = [\"orders:read\"]}"),
];

fn with(changes: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let mut environment = PROVIDER.to_vec();
    environment.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    environment.extend(changes);
    with_env(&environment)
}

#[test]
fn a_provider_is_taken_from_the_environment_and_from_a_file_alike() {
    let loaded = with(&[("SALES_ORDER_OIDC__CLIENT_SECRET", "hunter2")]).unwrap();
    let oidc = &loaded.config.oidc;
    assert!(oidc.is_on() && oidc.client_secret().is_some());
    assert_eq!(oidc.groups["/sales"].len(), 1);
    assert_eq!(loaded.to_json()["oidc.groups"]["source"], "environment variable SALES_ORDER_OIDC__GROUPS");
    assert!(!loaded.to_table().contains("hunter2"));
    let file = "[http]\npublic_url = \"https://orders.example.com\"\n[oidc]\nissuer = \"http://localhost:8081\"\nclient_id = \"a\"\n\
                [oidc.groups]\n\"b4d1c0de-0000-4000-8000-000000000001\" = [\"orders:read\", \"orders:manage\"]\n";
    let oidc = with_toml(file).unwrap().config.oidc;
    assert_eq!(oidc.groups["b4d1c0de-0000-4000-8000-000000000001"].len(), 2);
    assert!(oidc.client_secret().is_none());
}

#[test]
fn without_an_issuer_nothing_of_it_is_asked_for() {
    let loaded = with(&[("SALES_ORDER_OIDC__ISSUER", ""), ("SALES_ORDER_HTTP__PUBLIC_URL", "")]).unwrap();
    assert!(!loaded.config.oidc.is_on());
}

#[test]
fn what_nobody_could_sign_in_with_is_refused_with_the_remedy() {
    for (name, value, parts) in [
        ("HTTP__PUBLIC_URL", "", &["http.public_url must be set where oidc.issuer is"][..]),
        ("HTTP__PUBLIC_URL", "http://orders.example.com", &["http.public_url must begin with https://"]),
        ("OIDC__ISSUER", "http://id.example.com", &["oidc.issuer must be a URL", "with TLS"]),
        ("OIDC__ISSUER", "id.example.com", &["oidc.issuer must be a URL"]),
        ("OIDC__ISSUER", "https://user@id.example.com", &["oidc.issuer must be a URL"]),
        ("OIDC__ISSUER", "https://id.example.com?a=b", &["oidc.issuer must be a URL"]),
        ("OIDC__CLIENT_ID", " ", &["oidc.client_id must not be empty"]),
        ("OIDC__GROUPS_CLAIM", "", &["oidc.groups_claim must not be empty"]),
        ("OIDC__SCOPES", "[\"profile\"]", &["oidc.scopes must hold \"openid\""]),
        ("OIDC__SCOPES", "[\"openid profile\", \"openid\"]", &["oidc.scopes holds \"openid profile\""]),
        ("OIDC__GROUPS", "{}", &["oidc.groups must name at least one group"]),
        ("OIDC__GROUPS", "{a = []}", &["gives the group \"a\" no scope"]),
        ("OIDC__GROUPS", "{a = [\"orders:delete\"]}", &["oidc.groups", "unknown scope \"orders:delete\""]),
        ("OIDC__GROUPS", "{a = [\"orders:create\"]}", &["orders are signed, and a person has no key"]),
        ("OIDC__GROUPS", "sales", &["oidc.groups must be a table such as"]),
        ("OIDC__LABEL", "", &["oidc.label must have 1 to 64 characters"]),
        ("OIDC__SESSION_LIFETIME", "30s", &["oidc.session_lifetime must be at least 1m"]),
        ("OIDC__ALLOWED_NETWORKS", "[\"everywhere\"]", &["oidc.allowed_networks", "a network such as 10.0.0.0/8"]),
    ] {
        assert_says(with(&[(&format!("SALES_ORDER_{name}"), value)]), parts);
    }
}

#[test]
fn the_secret_of_the_provider_is_of_any_length_and_set_one_way() {
    let directory = Directory::new();
    let file = directory.file("secret", "hunter2\n");
    let file = file.to_str().unwrap();
    let loaded = with(&[("SALES_ORDER_OIDC__CLIENT_SECRET_FILE", file)]).unwrap();
    assert!(loaded.config.oidc.client_secret().is_some());
    let both = with(&[("SALES_ORDER_OIDC__CLIENT_SECRET_FILE", file), ("SALES_ORDER_OIDC__CLIENT_SECRET", "hunter2")]);
    assert_says(both, &["oidc.client_secret is set, and so is oidc.client_secret_file"]);
    let missing = with(&[("SALES_ORDER_OIDC__CLIENT_SECRET_FILE", "/nowhere/secret")]);
    assert_says(missing, &["oidc.client_secret_file names /nowhere/secret, which cannot be read"]);
}
