//! The operator's exports: for people, for programs, and on from where one broke off.

use serde_json::Value;

use super::Desk;

fn lines(desk: &Desk, arguments: &[&str]) -> Vec<Value> {
    let exported = desk.run(&[&["export", "--format", "jsonl"], arguments].concat()).succeeds();
    exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_goes_on_with_an_export_and_loads_what_changed() {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", "40", "--days", "9"]).succeeds();
    let sorted = ["--filter", "order_by=updated_at_asc"];
    let all = lines(&desk, &[&sorted[..], &["--cursors"]].concat());
    let after = format!("--after={}", all[14]["cursor"].as_str().unwrap());
    assert_eq!(lines(&desk, &[&sorted[..], &["--cursors", &after]].concat()), all[15..]);
    let from = format!("updated_at_gte={}", all[20]["updated_at"].as_str().unwrap());
    let to = format!("updated_at_lt={}", all[30]["updated_at"].as_str().unwrap());
    let changed = lines(&desk, &[&sorted[..], &["--filter", &from, "--filter", &to, "--cursors"]].concat());
    assert!(
        changed.len() >= 10 && all[20..30].iter().all(|order| changed.contains(order)),
        "{from} {to}: {}",
        changed.len()
    );
    let said = desk.run(&["export", "--filter", "order_by=created_at_asc", &after]).fails();
    assert!(said.contains("after") && said.contains("cursors=true"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_exports_for_a_spreadsheet_and_for_a_program() {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", "20", "--days", "2"]).succeeds();
    for separator in [";", "semicolon", ",", "comma"] {
        let file = desk
            .run(&["export", "--for", "spreadsheet", "--separator", separator, "--time-zone", "Europe/Berlin"])
            .succeeds();
        let sign = if separator.starts_with([';', 's']) { ';' } else { ',' };
        assert!(file.starts_with(&format!("\u{feff}order_number{sign}status{sign}")), "{}", &file[..200]);
        assert!(file.contains("\"=\"\"SO-0000000001\"\"\"") && file.contains(&format!("{sign}Europe/Berlin\r\n")));
    }
    let exact = desk.run(&["export", "--for", "program"]).succeeds();
    assert!(exact.starts_with("order_number,") && exact.contains("\r\nSO-0000000001,"), "{}", &exact[..200]);
    let said = desk.run(&["export", "--separator", ";"]).fails();
    assert!(said.contains("separator") && said.contains("for=spreadsheet"), "{said}");
}
