//! A developer's first five minutes: the tour runs by itself, and every line of it works when pasted.

use std::fs::File;
use std::io::{BufRead as _, BufReader, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::support::{Remote, command, stalled, until};

/// A demo that finished its tour and serves on.
struct Demo {
    child: Child,
    folder: PathBuf,
    /// What it printed.
    lines: Vec<String>,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let errors = folder.join("demo.log");
        let child = command(folder)
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let mut demo = Self { child, folder: folder.to_owned(), lines: Vec::new() };
        for line in BufReader::new(demo.child.stdout.take().unwrap()).lines() {
            demo.lines.push(line.unwrap());
            if demo.lines.last().unwrap().starts_with("Serving on at ") {
                return demo;
            }
        }
        panic!("the tour broke off: {:#?}\n{}", demo.lines, std::fs::read_to_string(errors).unwrap());
    }

    fn lines_with(&self, start: &str) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| line.starts_with(start)).collect()
    }

    /// Pastes a line into a shell, as it stands; gives the answer's status and body.
    fn paste(&self, line: &str) -> (u16, Value) {
        // Curl's own settings file, so that the line stays as it was printed and still tells its status.
        std::fs::write(self.folder.join(".curlrc"), "write-out = \"\\n%{http_code}\"\n").unwrap();
        let mut shell = Command::new("sh");
        #[expect(clippy::disallowed_methods, reason = "what a shell needs to find its programs")]
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env_clear().env("PATH", path).env("CURL_HOME", &self.folder).current_dir(&self.folder);
        let output = shell.args(["-c", line]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && stderr.is_empty(), "{line}: {stderr}");
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// Asks it to stop, as a process supervisor does.
    fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn order_number(answer: &Value) -> &str {
    answer["data"]["order_number"].as_str().unwrap_or_else(|| panic!("no order: {answer}"))
}

#[test]
fn every_line_of_the_tour_works_when_pasted_while_the_demo_serves() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let requests = demo.lines_with("curl ");
    assert_eq!(requests.len(), 5, "{requests:#?}");
    for line in requests {
        let (status, answer) = demo.paste(line);
        if line.contains("/auth/login'") {
            assert_eq!(status, 200, "{answer}");
            assert!(answer["token"].is_string(), "{answer}");
        } else if line.contains("/sales-orders'") {
            // The very request of the tour: the order of the tour, not another one.
            assert_eq!((status, order_number(&answer)), (201, "SO-0000000001"), "{answer}");
        } else {
            assert_eq!(status, 200, "{answer}");
            assert_eq!(answer["data"]["salesOrder"]["orderNumber"], "SO-0000000001", "{answer}");
        }
    }
    // The answers the tour printed: two logins and the dashboard's query, and one order twice.
    let statuses = demo.lines_with("→ ");
    assert_eq!(statuses, ["→ 200", "→ 201", "→ 201 Idempotent-Replayed: true", "→ 200", "→ 200"]);
}

#[test]
fn the_last_line_of_the_tour_signs_and_sends_a_new_order() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let [line] = demo.lines_with("TS=")[..] else { panic!("{:#?}", demo.lines) };
    // However quickly it is pasted: within one second, the timestamp alone tells no two requests apart.
    let mut numbers = vec!["SO-0000000001".to_owned()];
    for _ in 0..2 {
        let (status, created) = demo.paste(line);
        let number = order_number(&created).to_owned();
        assert_eq!(status, 201, "{created}");
        assert!(!numbers.contains(&number), "{number} is no new order");
        numbers.push(number);
    }
    let key = std::fs::metadata(folder.path().join("data/demo/versuni-private.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_demo_told_to_stop_ends_well_and_the_next_one_starts_afresh() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    demo.paste(demo.lines_with("TS=")[0]);
    let key = std::fs::read(folder.path().join("data/demo/versuni-private.pem")).unwrap();
    let status = demo.stop();
    assert_eq!(status.code(), Some(0), "{status}");

    let demo = Demo::start(folder.path());
    assert_ne!(std::fs::read(folder.path().join("data/demo/versuni-private.pem")).unwrap(), key);
    let signed = demo.lines_with("curl ").into_iter().find(|line| line.contains("/sales-orders'")).unwrap();
    assert_eq!(order_number(&demo.paste(signed).1), "SO-0000000001");
}

#[test]
fn a_demo_told_to_exit_stops_after_its_tour_and_touches_nothing_but_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = || command(folder.path()).args(["demo", "--listen", "127.0.0.1:0", "--exit"]).output().unwrap();
    for _ in 0..2 {
        let output = run();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("\"order_number\": \"SO-0000000001\"") && !text.contains("SO-0000000002"), "{text}");
        assert!(!text.contains("Serving on"), "{text}");
    }
    let names = |path: &Path| -> Vec<_> {
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(folder.path()), ["data"]);
    assert_eq!(names(&folder.path().join("data")), ["demo"]);
}

#[test]
fn a_demo_whose_port_is_taken_says_so_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command(folder.path()).args(["demo", "--listen", &address]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "{output:?}", output = output.stdout);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(&format!("error: cannot start the demo: cannot listen on {address}: ")), "{said}");
    assert!(said.contains("another address (--listen)"), "{said}");
}

/// A demo that prints there, and the file that it writes errors to.
fn print_to(folder: &Path, stdout: impl Into<Stdio>, arguments: &[&str]) -> (Child, PathBuf) {
    let errors = folder.join("demo.log");
    let mut demo = command(folder);
    demo.args(["demo", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(stdout)
        .stderr(File::create(&errors).unwrap());
    (demo.spawn().unwrap(), errors)
}

/// Waits for its end, which must be a good one.
async fn ends_well(mut child: Child, errors: &Path) {
    let mut ended = None;
    until("the end of the demo", async || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    let said = std::fs::read_to_string(errors).unwrap();
    assert_eq!(ended.unwrap().code(), Some(0), "{said}");
    assert!(!said.contains("error: ") && !said.contains("panicked"), "{said}");
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn a_demo_whose_reader_has_read_enough_ends_well() {
    for arguments in [&[][..], &["--exit"]] {
        let folder = tempfile::tempdir().unwrap();
        let closed = pipe().unwrap().1;
        let (child, errors) = print_to(folder.path(), closed, arguments);
        ends_well(child, &errors).await;

        // As `| head -n 2` does.
        let (child, errors) = {
            let (reader, writer) = pipe().unwrap();
            let demo = print_to(folder.path(), writer, arguments);
            assert_eq!(BufReader::new(reader).lines().take(2).count(), 2);
            demo
        };
        ends_well(child, &errors).await;
    }
}

#[tokio::test]
async fn a_demo_whose_reader_stalls_can_be_stopped() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let (stalled, _far) = stalled();
        let (child, errors) = print_to(folder.path(), stalled, &[]);
        // Written before the first word of the tour.
        let key = folder.path().join("data/demo/versuni-public.pem");
        until("the tour", async || key.exists()).await;
        signal(&child, name);
        ends_well(child, &errors).await;
    }
}

#[tokio::test]
async fn a_demo_whose_reader_stalls_in_the_tour_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    // Room for a few lines.
    socket2::SockRef::from(&near).set_send_buffer_size(1).unwrap();
    let (child, errors) = print_to(folder.path(), OwnedFd::from(near), &[]);
    let mut lines = BufReader::with_capacity(64, far).lines();
    let line = lines.find(|line| line.as_ref().unwrap().starts_with("curl ")).unwrap().unwrap();
    let base = line.split('\'').nth(1).unwrap().split("/api/").next().unwrap();
    let caller = Remote::at_door(base, "nobody");
    for _ in 0..20 {
        caller.get("/health/ready").await.expect(200);
    }
    signal(&child, "INT");
    ends_well(child, &errors).await;
}
