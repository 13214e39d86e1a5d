//! Who reads what a command prints may have read enough: `| head` is no failure.

use std::io::pipe;
use std::process::Stdio;

use super::Desk;
use crate::support::command;

#[tokio::test]
async fn a_command_whose_reader_has_read_enough_ends_as_ever_and_says_nothing() {
    let desk = Desk::new().await;
    desk.key_pair();
    desk.partner();
    desk.run(&["generate", "--orders", "1500", "--force"]).succeeds();
    let sign = ["sign", "--private-key", "private.pem", "--client-id", "partner-1"];
    let signed = desk.run(&[&sign[..], &["--timestamp", "1795441036", "--json"]].concat()).json();
    let signature = signed["X-SIGNATURE"].as_str().unwrap();
    let verify = [
        "verify",
        "--public-key",
        "public.pem",
        "--client-id",
        "partner-1",
        "--timestamp",
        "1795441036",
        "--at",
        "1795441036",
    ];
    let verify = [&verify[..], &["--signature", signature]].concat();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["--version"],
        &["schema"],
        &["openapi"],
        &["config", "show"],
        &["config", "check"],
        &["migrate", "status"],
        &["migrate", "up"],
        &["client", "list"],
        &["client", "show", "--client-id", "partner-1"],
        &["client", "audit", "--client-id", "partner-1"],
        &["client", "key", "list", "--client-id", "partner-1"],
        &["client", "rotate-secret", "--client-id", "partner-1"],
        &["totals", "check"],
        &["totals", "rebuild"],
        &["restore", "adopt"],
        &["generate", "--orders", "1", "--seed", "2", "--force"],
        &["export"],
        &["export", "--format", "jsonl"],
        &sign[..],
        &verify[..],
    ] {
        for json in [&[][..], &["--json"]] {
            if arguments.contains(&"generate") && !json.is_empty() {
                continue;
            }
            let mut command = command(desk.folder());
            command.args(arguments).args(json).env("SALES_ORDER_DATABASE__URL", &desk.database.url);
            let closed = pipe().unwrap().1;
            let output = command.stdin(Stdio::null()).stdout(closed).stderr(Stdio::piped()).spawn().unwrap();
            let output = output.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
            // What is no data, such as how long an old secret works, is said as ever.
            assert!(!said.contains("error") && !said.contains("panicked"), "{arguments:?}: {said}");
        }
    }
    // A disk without room is a failure all the same.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = command(desk.folder());
    command.args(["client", "list"]).env("SALES_ORDER_DATABASE__URL", &desk.database.url);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("No space left"), "a full disk is told");
}
