use std::sync::Once;

use sales_order_api::telemetry;

use super::Answer;

/// Has this process keep metrics, as the service does.
pub fn keep_metrics() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| telemetry::install_metrics().unwrap());
}

/// The value of a series in what `/metrics` answered.
#[track_caller]
pub fn metric(answer: &Answer, series: &str) -> f64 {
    let value = answer.text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {}", answer.text)).parse().unwrap()
}
