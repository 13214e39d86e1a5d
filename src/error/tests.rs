//! Failures.

use super::*;

#[test]
fn the_seconds_to_wait_are_rounded_up() {
    let seconds = |wait| AppError::new(ErrorCode::RateLimited, "wait").retry_after(wait).retry_after_seconds();
    assert_eq!(seconds(Duration::from_secs(2)), Some(2));
    assert_eq!(seconds(Duration::from_millis(1_001)), Some(2));
    assert_eq!(seconds(Duration::from_nanos(1)), Some(1));
}
