//! How the pages and their files travel.

use std::collections::HashSet;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, header};

use serde_json::json;

use crate::support::{Answer, TestApp};

const PAGES: [&str; 7] =
    ["/", "/docs", "/docs/signature", "/docs/try", "/dashboard", "/dashboard/orders/SO-0000000001", "/graphiql"];

async fn page(app: &TestApp, path: &str) -> Answer {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{path} is missing: run `make web`");
    answer
}

/// The files a page names.
fn files(page: &Answer) -> Vec<String> {
    let values = page.text.split('"').skip(1).step_by(2);
    values.filter(|value| value.starts_with("/assets/")).map(str::to_owned).collect()
}

/// Asks for a path with a header; gives the status, the encoding and the bytes.
async fn fetch(app: &TestApp, path: &str, name: header::HeaderName, value: &str) -> (u16, Option<String>, Vec<u8>) {
    let request = Request::get(path).header(name, value).body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
    let encoding = response.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, encoding, body.to_vec())
}

#[tokio::test]
async fn no_page_runs_what_is_written_into_it_or_asks_another_host() {
    let app = TestApp::new().await;
    for path in PAGES {
        let page = page(&app, path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
        let scripts = policy.split("; ").find(|part| part.starts_with("script-src"));
        assert!(scripts.is_none_or(|scripts| scripts == "script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("http") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{path} names another host");
        assert!(!files(&page).is_empty(), "{path} has no look");
        for file in files(&page) {
            assert_eq!(app.get(&file).await.status, 200, "{path} names {file}");
        }
    }
}

/// It holds a token: beside its own files there is nothing that it may run, style itself with or ask.
#[tokio::test]
async fn the_dashboard_may_do_less_than_any_other_page_with_a_script() {
    let app = TestApp::new().await;
    let policy = page(&app, "/dashboard").await.header("content-security-policy").unwrap().to_owned();
    for (what, from) in policy.split("; ").map(|part| part.split_once(' ').unwrap()) {
        let is_own = matches!(what, "script-src" | "style-src" | "img-src" | "connect-src");
        assert_eq!(from, if is_own { "'self'" } else { "'none'" }, "{what}");
    }
}

/// KiB, by gzip: what a browser fetches before the dashboard is there.
const MOST_SCRIPT: usize = 120;

#[tokio::test]
async fn all_scripts_of_the_dashboard_are_small() {
    let app = TestApp::new().await;
    let mut waiting = files(&page(&app, "/dashboard").await);
    let mut seen = HashSet::new();
    let mut size = 0;
    while let Some(file) = waiting.pop() {
        if Path::new(&file).extension().is_none_or(|extension| extension != "js") || !seen.insert(file.clone()) {
            continue;
        }
        size += fetch(&app, &file, header::ACCEPT_ENCODING, "gzip").await.2.len();
        // What it imports, now or later, is named in it beside it.
        let text = app.get(&file).await.text;
        let names = text.split(['"', '\'', '`']).filter_map(|name| name.strip_prefix("./"));
        waiting.extend(names.map(|name| format!("/assets/{name}")));
    }
    assert!(seen.len() > 1, "{seen:?}");
    assert!(size < MOST_SCRIPT * 1024, "{size} bytes in {seen:?}");
}

#[tokio::test]
async fn browsers_keep_files_for_good_and_ask_whether_a_page_is_still_the_same() {
    let app = TestApp::new().await;
    let docs = page(&app, "/docs").await;
    assert_eq!(docs.header("cache-control"), Some("no-cache"));
    let (status, _, body) = fetch(&app, "/docs", header::IF_NONE_MATCH, docs.header("etag").unwrap()).await;
    assert_eq!((status, body.len()), (304, 0));
    assert_eq!(fetch(&app, "/docs", header::IF_NONE_MATCH, "\"another\"").await.0, 200);
    for file in files(&docs) {
        let answer = app.get(&file).await;
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{file}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{file}");
    }
    assert_eq!(app.get("/assets/licences.md").await.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn a_client_that_takes_no_compression_gets_the_same_file() {
    let app = TestApp::new().await;
    let docs = page(&app, "/docs").await;
    let style = files(&docs).into_iter().find(|file| file.rsplit('.').next() == Some("css")).unwrap();
    let (_, brotli, small) = fetch(&app, &style, header::ACCEPT_ENCODING, "gzip, deflate, br").await;
    let (_, gzip, medium) = fetch(&app, &style, header::ACCEPT_ENCODING, "gzip").await;
    let (_, none, plain) = fetch(&app, &style, header::ACCEPT_ENCODING, "identity").await;
    assert_eq!((brotli.as_deref(), gzip.as_deref(), none), (Some("br"), Some("gzip"), None));
    assert!(small.len() < medium.len() && medium.len() < plain.len());
    assert!(String::from_utf8(plain).unwrap().contains("--accent"));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_for_a_file_and_read_nothing_it_is_in_memory_once() {
    use crate::support::{Database, Process};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/assets");
    let sizes = std::fs::read_dir(dist).unwrap().map(|file| file.unwrap());
    let gzip = sizes.filter(|file| file.path().extension().is_some_and(|extension| extension == "gz"));
    let largest = gzip.max_by_key(|file| file.metadata().unwrap().len()).unwrap().file_name();
    let request =
        format!("GET /assets/{} HTTP/1.1\r\nhost: test\r\n\r\n", largest.to_str().unwrap().trim_end_matches(".gz"));
    let mut held = Vec::new();
    let mut ask = async || {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(service.base.trim_start_matches("http://").parse().unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // From here on the answer is on its way.
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        held.push(stream);
    };
    ask().await;
    let before = service.resident_kib();
    for _ in 0..200 {
        ask().await;
    }
    let after = service.resident_kib();
    assert!(after < before + 64 * 1024, "{before} KiB, then {after} KiB");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_the_services_own_404() {
    let app = TestApp::new().await;
    for path in ["/assets/none.js", "/assets/../index.html", "/assets/..%2f..%2fpackage.json", "/assets/index.html.gz"]
    {
        app.get(path).await.expect_problem(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn where_the_operator_switched_graphiql_off_there_is_nothing_and_nothing_leads_there() {
    let app = TestApp::with(|config| config.graphql.graphiql = false).await;
    app.get("/graphiql").await.expect_problem(404, "NOT_FOUND");
    for path in ["/", "/docs", "/docs/signature", "/docs/try", "/dashboard"] {
        assert!(!page(&app, path).await.text.contains("href=\"/graphiql\""), "{path}");
    }
    let app = TestApp::new().await;
    assert!(page(&app, "/").await.text.contains("href=\"/graphiql\""));
}

#[tokio::test]
async fn the_landing_page_says_without_a_script_whether_the_service_is_ready() {
    let app = TestApp::new().await;
    let ready = page(&app, "/").await.text;
    assert!(ready.contains("<strong>Ready.</strong>") && !ready.contains("Not ready") && !ready.contains("<script"));
    for path in [
        "/docs",
        "/docs/signature",
        "/docs/try",
        "/dashboard",
        "/graphiql",
        "/api/v1/openapi.json",
        "/schema.graphql",
        "/health/ready",
    ] {
        assert!(ready.contains(&format!("href=\"{path}\"")), "{path} is not linked");
    }
    app.store.close().await;
    let not_ready = page(&app, "/").await.text;
    assert!(not_ready.contains("<strong>Not ready.</strong>") && !not_ready.contains("<strong>Ready.</strong>"));
}

#[tokio::test]
async fn every_example_of_graphiql_is_a_document_of_the_schema() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let examples =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/web/src/graphiql/examples.ts")).unwrap();
    let documents: Vec<_> = examples.split("query: `").skip(1).map(|rest| rest.split('`').next().unwrap()).collect();
    assert_eq!(documents.len(), 9);
    for document in documents.iter().filter(|document| !document.contains("subscription")) {
        let answer = operator.graphql(document, json!({})).await.json();
        // None of them is sent without its variables; nor is one refused for anything else.
        for error in answer["errors"].as_array().into_iter().flatten() {
            let extensions = &error["extensions"];
            let is_sound = extensions["code"] != "GRAPHQL_PARSE_FAILED"
                && (extensions["code"] != "GRAPHQL_VALIDATION_FAILED" || extensions["variable"].is_string());
            assert!(is_sound, "{document}\n{error}");
        }
    }
}

#[tokio::test]
async fn every_path_of_the_readme_is_there() {
    let app = TestApp::new().await;
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `/")?.split(" | ").next());
    let paths: Vec<_> =
        rows.flat_map(|row| row.split("`, `")).map(|path| format!("/{}", path.trim_matches(['/', '`']))).collect();
    assert!(paths.contains(&"/docs/signature".to_owned()) && paths.len() > 8, "{paths:?}");
    for path in paths {
        assert_ne!(app.get(&path).await.status, 404, "{path}");
    }
}
