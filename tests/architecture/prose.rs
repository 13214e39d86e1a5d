//! What is written for people names only what is there.

use std::fs;

use crate::source::{files, root};

/// What the repository's paths begin with. A list, not a look at the disk: `data/` is there too once the service ran.
const FOLDERS: [&str; 10] =
    ["src", "tests", "docs", "config", "migrations", "scripts", "web", "benches", "deploy", ".ci"];

/// The texts in backticks on the lines of a text, outside of fenced blocks.
fn quoted<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in lines {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// The targets of a text's Markdown links that lead to files.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':') && !target.starts_with('/')).collect()
}

fn is_repository_path(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let in_folder = text.split_once('/').is_some_and(|(first, rest)| FOLDERS.contains(&first) && !rest.is_empty());
    let at_root = ["README.md", "Makefile", "Cargo.toml", "Cargo.lock", "schema.graphql"].contains(&text);
    is_plain && (in_folder || at_root)
}

fn missing(paths: &[&str]) -> Vec<String> {
    paths.iter().filter(|path| !root().join(path).exists()).map(|path| (*path).to_owned()).collect()
}

/// The paths a Markdown file names that do not exist.
fn missing_in_markdown(file: &str, text: &str) -> Vec<String> {
    let mut found =
        missing(&quoted(text.lines()).into_iter().filter(|text| is_repository_path(text)).collect::<Vec<_>>());
    let folder = file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    found.extend(links(text).into_iter().map(|link| format!("{folder}{link}")).filter(|p| !root().join(p).exists()));
    found
}

/// The paths the comments of a Rust file name that do not exist.
fn missing_in_comments(text: &str) -> Vec<String> {
    let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    missing(&quoted(comments).into_iter().filter(|text| is_repository_path(text)).collect::<Vec<_>>())
}

#[test]
fn documentation_names_only_files_that_exist() {
    let sample =
        "See `src/gone.rs`, `src/lib.rs`, `POST /docs/x`, `docs/` and [this](gone.md), [that](https://x/y.md).";
    assert_eq!(missing_in_markdown("docs/a.md", sample), ["src/gone.rs", "docs/gone.md"]);
    let mut documents = files(&["docs"], ".md");
    documents.extend(["README.md".to_owned()].into_iter().filter(|file| root().join(file).exists()));
    for file in documents {
        let missing = missing_in_markdown(&file, &fs::read_to_string(root().join(&file)).unwrap());
        assert!(missing.is_empty(), "{file} names {missing:?}");
    }
}

#[test]
fn comments_name_only_files_that_exist() {
    let sample =
        "//! See `tests/gone.rs` and `tests/architecture.rs`.\nlet a = \"`src/text.rs`\";\n/// `config/gone.toml`";
    assert_eq!(missing_in_comments(sample), ["tests/gone.rs", "config/gone.toml"]);
    // The documentation may come after the code; from its first page on, what the code says of it must be true.
    let has_documentation = !files(&["docs"], ".md").is_empty();
    for file in files(&["src", "tests", "migrations", "benches"], ".rs") {
        // This file's samples name what is not there.
        if file != "tests/architecture/prose.rs" {
            let mut missing = missing_in_comments(&fs::read_to_string(root().join(&file)).unwrap());
            missing.retain(|path| has_documentation || !path.starts_with("docs/"));
            assert!(missing.is_empty(), "{file} names {missing:?}");
        }
    }
}

/// The names of tests among the texts: besides indexes, nothing here has so many words.
fn tests_named<'a>(quoted: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let is_name = |text: &&str| {
        !text.starts_with("ix_")
            && !text.starts_with("ux_")
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && text.matches('_').count() >= 5
    };
    quoted.into_iter().filter(is_name).collect()
}

#[test]
fn a_test_that_prose_names_exists() {
    assert_eq!(tests_named(["a_test_has_a_long_name", "sales_order_line", "src/lib.rs"]), ["a_test_has_a_long_name"]);
    let sources = files(&["src", "tests", "migrations", "benches"], ".rs");
    let code: String = sources.iter().map(|file| fs::read_to_string(root().join(file)).unwrap()).collect();
    let gone = |names: Vec<&str>| -> Vec<String> {
        let gone = names.into_iter().filter(|name| !code.contains(&format!("fn {name}(")));
        gone.map(str::to_owned).collect()
    };
    let comments = code.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    assert_eq!(gone(tests_named(quoted(comments))), Vec::<String>::new(), "named in comments");
    for file in files(&["docs"], ".md") {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        assert_eq!(gone(tests_named(quoted(text.lines()))), Vec::<String>::new(), "named in {file}");
    }
}

#[test]
fn an_order_field_is_where_the_guide_says_and_nowhere_else() {
    let guide = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, guide) = guide.split_once("### A new field of an order or of a line").unwrap();
    let steps = quoted(guide.split("\n### ").next().unwrap().lines());
    let of_field = |file: &String| {
        let text = fs::read_to_string(root().join(file)).unwrap();
        // What only one of them needs is no step for every field: a reference has rules of its own.
        [["partner_reference", "partnerReference"], ["requested_delivery_date", "requestedDeliveryDate"]]
            .iter()
            .all(|names| names.iter().any(|name| text.contains(name)))
    };
    let hand_written = [".rs", ".graphql"].iter().flat_map(|kind| files(&["src", "migrations"], kind));
    let files: Vec<_> = hand_written.filter(|file| !file.ends_with("_tests.rs")).filter(of_field).collect();
    let is_in_guide = |file: &String| {
        steps.contains(&file.as_str()) || (file.starts_with("migrations/src/m2") && steps.contains(&"migrations/src"))
    };
    let elsewhere: Vec<_> = files.iter().filter(|file| !is_in_guide(file)).collect();
    assert!(elsewhere.is_empty(), "the guide leaves out {elsewhere:?}");
    assert!(files.len() <= 13, "a field of an order should not take more files: {files:#?}");
}
