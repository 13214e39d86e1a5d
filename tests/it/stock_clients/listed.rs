//! The compatibility page names what the suite runs, in the versions that are locked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::stage::repository;

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// What is asked for of npm, with the version that is locked. Types are no tools.
fn of_npm() -> Vec<(String, String)> {
    let package: Value = serde_json::from_str(&text("tests/node/package.json")).unwrap();
    let packages = package["devDependencies"].as_object().unwrap().iter();
    let tools = packages.filter(|(name, _)| !name.starts_with("@types/"));
    tools.map(|(name, version)| (name.clone(), version.as_str().unwrap().to_owned())).collect()
}

/// What is asked for of PyPI, with the version that is locked.
fn of_pypi() -> Vec<(String, String)> {
    let requirements = text("tests/python/requirements.txt");
    let locked: BTreeMap<_, _> =
        requirements.lines().filter_map(|line| line.split_whitespace().next()?.split_once("==")).collect();
    let asked = text("tests/python/requirements.in");
    let asked = asked.lines().filter(|line| !line.starts_with('#'));
    let versioned = asked.map(|line| {
        let name = line.split(['=', '[']).next().unwrap();
        (name.to_owned(), locked[name].to_owned())
    });
    versioned.collect()
}

#[test]
fn the_compatibility_page_names_every_tool_of_the_suite_in_its_locked_version() {
    let page = text("docs/compatibility.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (name, version) = (cells.next()?.trim_end_matches('`'), cells.next()?);
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| (name.to_owned(), version.to_owned()))
    });
    // A library may have one name in both, and a version in each.
    assert_eq!(rows.collect::<BTreeSet<_>>(), of_npm().into_iter().chain(of_pypi()).collect());
}

#[test]
fn what_npm_locks_is_what_is_asked_for() {
    let lock: Value = serde_json::from_str(&text("tests/node/package-lock.json")).unwrap();
    for (name, version) in of_npm() {
        assert_eq!(lock["packages"][format!("node_modules/{name}")]["version"], version, "{name}");
    }
}
