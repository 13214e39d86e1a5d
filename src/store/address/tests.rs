use sea_orm::sqlx::postgres::PgSslMode;

use super::*;

fn refused(url: &str) -> String {
    match Address::parse(url) {
        Err(StoreError::Address(why)) => why,
        other => panic!("{url} is taken: {other:?}"),
    }
}

fn hosts_and_ports(url: &str) -> Vec<String> {
    Address::parse(url).unwrap().candidates.iter().map(host_and_port).collect()
}

#[test]
fn a_mistyped_parameter_or_value_is_an_error_that_names_the_one_meant() {
    for (query, expected) in [
        ("sslmod=verify-full", "unknown parameter sslmod; did you mean sslmode?"),
        ("SSLMODE=require", "unknown parameter SSLMODE; did you mean sslmode?"),
        ("sslrotcert=/ca.pem", "unknown parameter sslrotcert; did you mean sslrootcert?"),
        ("target_session_attr=any", "unknown parameter target_session_attr; did you mean target_session_attrs?"),
        ("pool_max=3", "unknown parameter pool_max"),
        ("sslmode=verify_full", "unknown value \"verify_full\" of sslmode; did you mean verify-full?"),
        ("sslmode=true", "unknown value \"true\" of sslmode; known are disable, allow"),
        ("target_session_attrs=readwrite", "did you mean read-write?"),
        ("connect_timeout=soon", "connect_timeout must be a whole number"),
        ("statement-cache-capacity=-1", "statement-cache-capacity must be a whole number"),
    ] {
        let said = refused(&format!("postgres://u:hunter2@db/orders?{query}"));
        assert!(said.contains(expected), "{query}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_libpq_knows_and_the_driver_would_ignore_is_refused_with_a_remedy() {
    for parameter in [
        "keepalives=1",
        "tcp_user_timeout=5000",
        "gssencmode=require",
        "channel_binding=require",
        "target_session_attrs=standby",
        "sslrootcert=system",
        "service=orders",
        "passfile=/x",
        "search_path=orders",
        "load_balance_hosts=random",
    ] {
        let said = refused(&format!("postgres://u@db/orders?{parameter}"));
        let name = parameter.split('=').next().unwrap();
        assert!(said.contains(name) && (said.contains("; ") || said.contains(": ")), "{parameter}: {said}");
        assert!(["leave it out", "write", "use "].iter().any(|remedy| said.contains(remedy)), "{parameter}: {said}");
    }
    Address::parse("postgres://u@db/orders?channel_binding=prefer").unwrap();
}

#[test]
fn several_hosts_are_read_as_libpq_writes_them() {
    for (url, expected) in [
        ("postgres://u:p@h1:5432,h2:5433/db", &["h1:5432", "h2:5433"][..]),
        ("postgresql://u@[::1]:5433,[fe80::2],10.0.0.1:7/db?port=", &["[::1]:5432", "[fe80::2]:5432", "10.0.0.1:5432"]),
        ("postgres://u@[::1]:5433/db", &["[::1]:5433"]),
        ("postgres:///db?host=h1,h2&port=5433", &["h1:5433", "h2:5433"]),
        ("postgres:///db?host=h1,h2&port=1,2", &["h1:1", "h2:2"]),
        ("postgres://ignored:9/db?host=h1", &["h1:5432"]),
        ("postgres:///db?hostaddr=10.0.0.1,::1", &["10.0.0.1:5432", "[::1]:5432"]),
        ("postgres://%2Fvar%2Frun,h2/db", &["/var/run/.s.PGSQL.5432", "h2:5432"]),
        ("postgres:///db?host=/tmp/a,/tmp/b&port=1,2", &["/tmp/a/.s.PGSQL.1", "/tmp/b/.s.PGSQL.2"]),
    ] {
        assert_eq!(hosts_and_ports(url), expected, "{url}");
    }
    let address = Address::parse("postgres://h1,h2/db?target_session_attrs=read-write&connect_timeout=3").unwrap();
    assert_eq!((address.session, address.connect_timeout), (TargetSession::ReadWrite, Some(Duration::from_secs(3))));
    for (query, expected) in [
        ("host=h1,h2,h3&port=1,2", "2 ports for 3 hosts"),
        ("host=h1&hostaddr=10.0.0.1", "hostaddr is there beside a host"),
        ("hostaddr=db", "hostaddr must be an IP address"),
        ("host=h1&port=70000", "from 1 to 65535"),
    ] {
        assert!(refused(&format!("postgres:///db?{query}")).contains(expected), "{query}");
    }
}

#[test]
fn every_part_is_taken_off_the_url_with_its_special_characters() {
    let address = Address::parse(
        "postgres://us%40er:p%40s%2Fs%3A%25%2B%C3%A9@db:5433/my%20orders?application_name=a%20b&options=-c%20jit%3Doff\
         &options[search_path]=a,b",
    );
    let options = &address.unwrap().candidates[0];
    assert_eq!((options.get_username(), options.get_database()), ("us@er", Some("my orders")));
    assert_eq!(options.get_application_name(), Some("a b"));
    assert_eq!(options.get_options(), Some("-c jit=off -c search_path=a,b"));
    assert!(format!("{options:?}").contains("p@s/s:%+é"), "the password was changed");
    let plain = Address::parse("postgres://u:p@ss@db/orders").unwrap();
    assert_eq!((host_and_port(&plain.candidates[0]), plain.candidates[0].get_username()), ("db:5432".to_owned(), "u"));
    assert_eq!(plain.candidates[0].get_application_name(), Some("sales-order-api"));
}

#[test]
fn no_error_and_no_debug_output_quotes_the_password() {
    for url in [
        "postgres://u:hunter2/x@db/orders",
        "postgres://u:hunter2#x@db/orders",
        "postgres://u:hunter2%@db/orders",
        "postgres://u:hunter2%FF@db/orders",
        "postgres://u:hunter2 x@db/orders",
        "postgres://u:hunter2?x@db/orders",
        "postgres://db/orders?password=hunter2+x",
        "postgres://db/orders?password=hunter2&password=hunter2",
    ] {
        let said = refused(url);
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(refused("postgres://u:hunter2/x@db/orders").contains("write %2F for /"));
    let address = Address::parse("postgres://u:hunter2@db/orders").unwrap();
    assert!(!format!("{address:?}").contains("hunter2"), "{address:?}");
}

#[test]
fn a_root_certificate_is_compared_or_refused() {
    let mode = |query: &str| {
        let address = Address::parse(&format!("postgres://db/orders?{query}")).unwrap();
        address.candidates[0].get_ssl_mode()
    };
    assert!(matches!(mode("sslmode=require&sslrootcert=/ca.pem"), PgSslMode::VerifyCa));
    assert!(matches!(mode("sslmode=verify-full&ssl-ca=/ca.pem"), PgSslMode::VerifyFull));
    assert!(matches!(mode("ssl-mode=require"), PgSslMode::Require));
    for query in ["sslrootcert=/ca.pem", "sslmode=prefer&sslrootcert=/ca.pem"] {
        assert!(refused(&format!("postgres://db/orders?{query}")).contains("add one of them"), "{query}");
    }
}
