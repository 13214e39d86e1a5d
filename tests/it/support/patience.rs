//! Waiting, with an end to it: whatever a test waits for comes, or the test fails and says what did not come.

use std::io::Write as _;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::time::{interval, timeout};

/// How long a test waits for what must come, and how long a service of a test gives a request or a lock: no machine is so slow,
/// however much else it does, so what fails then never comes. A test that asks about a limit of time sets its own.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// The result of something that must come to its end.
pub async fn in_time<F: Future>(what: &str, work: F) -> F::Output {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("it never came: {what}"))
}

/// Looks again and again for something that must come, with a pause in between; gives what was found.
pub async fn found<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut pause = interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(found) = look().await {
                break found;
            }
        }
    };
    in_time(what, looking).await
}

/// Waits for something that must come.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    found(what, async || is_so().await.then_some(())).await;
}

/// The deadline of a test, which ends with the test's thread.
struct Deadline {
    _running: Sender<()>,
}

/// Beyond what each wait above is given, so that a test which waits by them can say itself what did not come.
const LONGEST: Duration = Duration::from_mins(20);

impl Deadline {
    fn after(longest: Duration) -> Self {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let (running, is_over) = channel();
        std::thread::spawn(move || {
            if is_over.recv_timeout(longest) == Err(RecvTimeoutError::Timeout) {
                // Past the harness, which keeps what tests print and would lose it here.
                let _ = writeln!(std::io::stderr(), "{test} is not over after {longest:?}: the run ends");
                std::process::exit(1);
            }
        });
        Self { _running: running }
    }
}

/// Gives this thread's test its deadline. It holds for waits that no runtime can end: a child process, a thread, a loop that never
/// yields. Everything that a test begins with calls this, so no test has to think of it.
pub fn set_deadline() {
    thread_local! {
        static DEADLINE: Deadline = Deadline::after(LONGEST);
    }
    DEADLINE.with(|_| {});
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "it never came: a miracle")]
async fn what_never_comes_fails_the_test_and_is_named() {
    until("a miracle", async || false).await;
}

/// What the next test runs in a process of its own.
#[test]
#[ignore = "run by the test below"]
fn a_test_hangs() {
    let _deadline = Deadline::after(Duration::from_millis(20));
    loop {
        std::thread::park();
    }
}

#[test]
fn a_test_that_hangs_ends_the_run_and_is_named() {
    let hangs = "support::patience::a_test_hangs";
    let ran = Command::new(std::env::current_exe().unwrap()).args(["--ignored", "--exact", hangs]).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code() == Some(1) && said.contains(&format!("{hangs} is not over")), "{}: {said}", ran.status);
}
