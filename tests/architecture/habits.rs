//! How code is written here: rules that no compiler and no lint knows.

use crate::source::{self, Source};

#[test]
fn no_lint_is_silenced_with_allow() {
    for sample in ["#[allow(dead_code)] fn a() {}", "#![allow(unused)]", "#[cfg_attr(test, allow(unused))] fn a() {}"] {
        assert!(Source::parse("src/a.rs", sample).allows_lints(), "nothing would stop {sample:?}");
    }
    assert!(!Source::parse("src/a.rs", "#[expect(dead_code)] fn a() { allow() }").allows_lints());
    for source in Source::all(&["src", "tests", "migrations", "benches"]) {
        assert!(!source.allows_lints(), "{} silences a lint with allow; use expect and give the reason", source.path);
    }
}

#[test]
fn tests_wait_by_the_helpers_that_bring_a_deadline() {
    let waits = |source: &Source| {
        let words = source.words();
        source.polls() || ["interval", "sleep", "yield_now"].iter().any(|word| words.contains(*word))
    };
    for sample in [
        "async fn a() { while !b().await {} }",
        "async fn a() { let c = async { while d.get().await == 0 { e(); } }; }",
        "fn a() { while b() {} }",
        "async fn a() { loop { if b().await { break } tokio::task::yield_now().await } }",
        "fn a() { std::thread::sleep(b) }",
    ] {
        assert!(waits(&Source::parse("tests/it/a.rs", sample)), "nothing would stop {sample:?}");
    }
    let ends = "async fn a() { while let Some(b) = c.next().await { d(b) } while e < 9 { e += f().await } }";
    assert!(!waits(&Source::parse("tests/it/a.rs", ends)));
    for source in Source::all(&["tests/it"]) {
        let is_helper = source.path.starts_with("tests/it/support/");
        assert!(is_helper || !waits(&source), "{} waits for ever: use until, found or in_time", source.path);
    }
}

#[test]
fn a_test_of_one_database_says_so_on_the_other() {
    let ends_early = |source: &Source| {
        let text = source.text.split_whitespace().collect::<Vec<_>>().join(" ");
        ["none", "some"].iter().any(|other| text.contains(&format!("if on_postgres().is_{other}() {{ return;")))
    };
    assert!(ends_early(&Source::parse("tests/it/a.rs", "fn a() {\n    if on_postgres().is_none() {\n return;\n } }")));
    for source in Source::all(&["tests/it"]) {
        assert!(!ends_early(&source), "{} passes where it tests nothing: use only_on!", source.path);
    }
}

#[test]
fn every_resolver_has_fewer_than_ten_lines() {
    let too_long = |source: &Source| -> Vec<String> {
        let functions = source.async_functions();
        functions.iter().filter(|(_, lines)| *lines >= 10).map(|(name, n)| format!("{name} has {n} lines")).collect()
    };
    let sample = |lines: usize| format!("impl Query {{\n async fn a(&self) -> u8 {{\n{}}}\n}}", "a();\n".repeat(lines));
    assert_eq!(too_long(&Source::parse("a.rs", &sample(10))), ["a has 10 lines"]);
    assert!(too_long(&Source::parse("a.rs", &sample(9))).is_empty());

    // What loads objects for resolvers stands beside their types.
    let loading = ["loaders.rs", "preload.rs", "reader.rs", "selection.rs"];
    let is_resolver = |file: &str| {
        let is_there = ["src/graphql/roots/", "src/graphql/types/"].iter().any(|room| file.starts_with(room));
        is_there && !loading.iter().any(|name| file.ends_with(name))
    };
    let sources = Source::all(&["src/graphql"]);
    let resolvers: Vec<_> = sources.iter().filter(|source| is_resolver(&source.path)).collect();
    assert!(resolvers.iter().any(|source| !source.async_functions().is_empty()), "the resolvers have moved");
    let found: Vec<_> = resolvers.into_iter().map(|source| (&source.path, too_long(source))).collect();
    assert!(found.iter().all(|(_, long)| long.is_empty()), "{found:?}");
}

#[test]
fn every_package_comes_from_the_registry_and_none_brings_a_second_tls() {
    let strays = |lock: &str| -> Vec<String> {
        let packages = lock.split("[[package]]").skip(1);
        let odd = packages.filter(|package| {
            let has = |key: &str| package.lines().any(|line| line.starts_with(key));
            let from_registry =
                has("source = \"registry+https://github.com/rust-lang/crates.io-index\"") && has("checksum = ");
            let is_ours = !has("source = ");
            let second_tls = ["openssl-sys", "native-tls"].iter().any(|name| has(&format!("name = \"{name}\"")));
            second_tls || !(from_registry || is_ours)
        });
        odd.map(str::to_owned).collect()
    };
    let sample = |lines: &str| strays(&format!("version = 4\n[[package]]\n{lines}"));
    assert!(sample("name = \"ours\"\nversion = \"0.1.0\"\n").is_empty());
    assert_eq!(sample("name = \"a\"\nsource = \"git+https://example.com/a\"\n").len(), 1);
    assert_eq!(sample("name = \"native-tls\"\n").len(), 1);

    let lock = std::fs::read_to_string(source::root().join("Cargo.lock")).unwrap();
    assert_eq!(strays(&lock), Vec::<String>::new());
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let longer_than = |limit: usize, sources: &[Source]| -> Vec<String> {
        let lengths = sources.iter().map(|source| (&source.path, source.text.lines().count()));
        lengths.filter(|(_, lines)| *lines > limit).map(|(path, lines)| format!("{path} has {lines} lines")).collect()
    };
    let sample = |lines| [Source::parse("src/a.rs", &"fn a() {}\n".repeat(lines))];
    assert_eq!(longer_than(500, &sample(501)), ["src/a.rs has 501 lines"]);
    assert!(longer_than(500, &sample(500)).is_empty());

    for kind in [".ts", ".tsx", ".mjs", ".css"] {
        for file in source::files(&["web/src", "web/build", "web/tests"], kind) {
            let lines = std::fs::read_to_string(source::root().join(&file)).unwrap().lines().count();
            assert!(lines <= 500, "{file} has {lines} lines");
        }
    }

    let sources = Source::all(&["src", "tests", "migrations", "benches"]);
    let must_be_split = longer_than(500, &sources);
    assert!(
        must_be_split.is_empty(),
        "to be split: {must_be_split:#?}\nabove the 300 lines to aim for: {:#?}",
        longer_than(300, &sources)
    );
}
