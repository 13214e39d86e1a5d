//! Where token secrets come from, and which are refused.

use std::fs;
use std::sync::Barrier;
use std::thread;

use secrecy::ExposeSecret as _;

use super::super::load_or_generate_secret;
use super::{Directory, GOOD, assert_says, exists, with_env};

const SECRET: &str = "SALES_ORDER_AUTH__JWT_SECRET";
const SECRET_FILE: &str = "SALES_ORDER_AUTH__JWT_SECRET_FILE";
const PREVIOUS: &str = "SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS";
const PREVIOUS_FILE: &str = "SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS_FILE";
const LISTEN: &str = "SALES_ORDER_HTTP__LISTEN";

#[test]
fn a_secret_file_is_read_without_the_line_break_at_its_end() {
    let directory = Directory::new();
    let secret = directory.file("secret", &format!(" {GOOD} \r\n"));
    let previous = directory.file("previous", &format!("{GOOD}-1\r\n\n{GOOD}-2"));
    let environment = [(SECRET_FILE, secret.to_str().unwrap()), (PREVIOUS_FILE, previous.to_str().unwrap())];
    let secrets = with_env(&environment).unwrap().config.jwt_secrets().unwrap();
    assert_eq!(secrets.signing.expose_secret(), format!(" {GOOD} "));
    let previous: Vec<_> = secrets.previous.iter().map(|secret| secret.expose_secret().to_owned()).collect();
    assert_eq!(previous, [format!("{GOOD}-1"), format!("{GOOD}-2")]);
}

#[test]
fn a_secret_set_both_ways_is_refused_with_both_sources() {
    let outcome = with_env(&[(SECRET, GOOD), (SECRET_FILE, "/x")]);
    assert_says(outcome, &["auth.jwt_secret is set, and so is auth.jwt_secret_file", SECRET, SECRET_FILE]);
    let outcome = with_env(&[(PREVIOUS, &format!("[\"{GOOD}\"]")), (PREVIOUS_FILE, "/x")]);
    assert_says(outcome, &["auth.jwt_previous_secrets is set, and so is auth.jwt_previous_secrets_file"]);
}

#[test]
fn a_short_secret_is_refused_with_its_length_wherever_it_is() {
    let short = ["must be at least 32 bytes long but has 7", "openssl rand -base64 48"];
    assert_says(with_env(&[(SECRET, "hunter2")]), &short);
    assert_says(with_env(&[(PREVIOUS, "[\"hunter2\"]")]), &short);
    let directory = Directory::new();
    let file = directory.file("secret", "hunter2\n");
    assert_says(with_env(&[(SECRET_FILE, file.to_str().unwrap())]), &short);
    assert_says(with_env(&[(PREVIOUS_FILE, file.to_str().unwrap())]), &short);
    assert_says(
        with_env(&[(SECRET_FILE, "/does/not/exist")]),
        &["jwt_secret_file names /does/not/exist, which cannot"],
    );
    // Bytes are counted, not letters: sixteen of two bytes each are enough.
    assert!(with_env(&[(SECRET, &"é".repeat(16))]).is_ok());
}

#[test]
fn an_address_others_can_reach_asks_for_a_secret_that_cannot_be_guessed() {
    let directory = Directory::new();
    let generated = directory.0.join("jwt-secret");
    let previous = "[\"an-old-and-changeme-like-secret-0123\"]";
    for (environment, says) in [
        (vec![], "auth.jwt_secret is not set"),
        (vec![(SECRET, "please-ChangeMe-before-going-live-0")], "contains \"changeme\""),
        (vec![(SECRET, "abababababababababababababababababab")], "has only 2 different bytes"),
        (vec![(SECRET, "my-super-secret-key-for-production")], "auth.jwt_secret can be guessed"),
        (vec![(SECRET, GOOD), (PREVIOUS, previous)], "one of auth.jwt_previous_secrets can be guessed"),
    ] {
        for listen in ["0.0.0.0:8080", "[::]:8080", "192.168.1.2:80", "[::ffff:10.0.0.1]:80"] {
            let mut all = vec![(LISTEN, listen)];
            all.push(("SALES_ORDER_AUTH__GENERATED_JWT_SECRET_FILE", generated.to_str().unwrap()));
            all.extend(environment.iter().copied());
            let config = with_env(&all).unwrap().config;
            let text = config.check_exposure().unwrap_err().to_string();
            assert!(text.contains(says) && text.contains(listen) && text.contains("openssl rand"), "{text}");
            assert!(config.jwt_secrets().is_err() && !exists(&generated), "nothing is generated on {listen}");
        }
        for listen in ["127.0.0.1:8080", "127.8.8.8:1", "[::1]:8080", "[::ffff:127.0.0.1]:80"] {
            let mut all = vec![(LISTEN, listen)];
            all.extend(environment.iter().copied());
            with_env(&all).unwrap().config.check_exposure().unwrap();
        }
    }
    with_env(&[(LISTEN, "0.0.0.0:1"), (SECRET, GOOD)]).unwrap().config.check_exposure().unwrap();
}

#[test]
fn a_generated_secret_is_never_called_weak() {
    let directory = Directory::new();
    for name in 0..50 {
        let secret =
            load_or_generate_secret("auth.generated_jwt_secret_file", &directory.0.join(name.to_string())).unwrap();
        let environment = [(LISTEN, "0.0.0.0:1"), (SECRET, secret.expose_secret())];
        with_env(&environment).unwrap().config.check_exposure().unwrap();
    }
}

#[test]
fn a_secret_is_generated_once_for_its_owner_only_and_read_ever_after() {
    let directory = Directory::new();
    let path = directory.0.join("new/data/jwt-secret");
    let environment = [("SALES_ORDER_AUTH__GENERATED_JWT_SECRET_FILE", path.to_str().unwrap())];
    let config = with_env(&environment).unwrap().config;
    assert!(!exists(&path), "loading alone generates nothing");
    let first = config.jwt_secrets().unwrap().signing;
    assert_eq!(first.expose_secret().len(), 64);
    assert_eq!(config.jwt_secrets().unwrap().signing.expose_secret(), first.expose_secret());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft stays behind");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn processes_that_start_together_agree_on_the_generated_secret() {
    let directory = Directory::new();
    for round in 0..20 {
        let path = directory.0.join(format!("{round}/jwt-secret"));
        let barrier = Barrier::new(8);
        let secrets: Vec<String> = thread::scope(|scope| {
            let starters: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        load_or_generate_secret("auth.generated_jwt_secret_file", &path)
                            .unwrap()
                            .expose_secret()
                            .to_owned()
                    })
                })
                .collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]), "round {round}");
    }
}

#[test]
fn a_generated_secret_that_was_cut_short_is_refused_not_replaced() {
    let directory = Directory::new();
    let path = directory.file("jwt-secret", "");
    let text = load_or_generate_secret("auth.generated_jwt_secret_file", &path).unwrap_err().to_string();
    assert!(text.contains("has 0") && text.contains("jwt-secret"), "{text}");
    let below_a_file =
        load_or_generate_secret("auth.generated_jwt_secret_file", &path.join("jwt-secret")).unwrap_err().to_string();
    assert!(below_a_file.contains("auth.generated_jwt_secret_file names"), "{below_a_file}");
}
