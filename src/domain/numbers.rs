//! How new orders get their numbers.
//!
//! A running number tells each partner how many orders all of them sent: two of its own orders are enough to count those between.
//! A random one tells the day, which its receiver knows, and nothing else.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::order::OrderNumber;

/// The form of the numbers that new orders get. Those that were given before stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberFormat {
    /// The next of a sequence.
    #[default]
    Running,
    /// The day and twelve random digits.
    Random,
}

/// Gives new orders their numbers.
#[derive(Clone, Default)]
pub enum Numbers {
    /// The database does, from its sequence.
    #[default]
    Running,
    /// From a source of random bits.
    Random(Arc<dyn Fn() -> u64 + Send + Sync>),
}

/// The numbers of a day in the random form.
const A_DAY: i64 = 1_000_000_000_000;

/// Days that the random form can tell, as [`day_of`] writes them: 2010-01-01, before which a number would have fewer digits, and the
/// last whose numbers are 64-bit integers. No clock that is right is outside of them.
const FIRST_DAY: i64 = 100_101;
const LAST_DAY: i64 = 9_211_231;

impl Numbers {
    /// Numbers of this form, random ones from `source`.
    pub fn new(format: NumberFormat, source: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        match format {
            NumberFormat::Running => Self::Running,
            NumberFormat::Random => Self::Random(Arc::new(source)),
        }
    }

    /// A number for an order that is received at `at`; [`OrderNumber::NONE`] where the database gives it. Another order may have it
    /// already: then the database leaves the order out, and it gets another one.
    ///
    /// The day comes first so that orders of one time stand together in each index that has their ids: a database of any size
    /// writes to the few pages of today, as with running numbers.
    #[must_use]
    pub fn draw(&self, at: DateTime<Utc>) -> OrderNumber {
        match self {
            Self::Running => OrderNumber::NONE,
            Self::Random(source) => {
                // The remainder favours no digits by more than one in ten million.
                let digits = i64::try_from(source() % A_DAY.unsigned_abs()).unwrap_or(0);
                OrderNumber::from_id(OrderNumber::first_random_of(at.date_naive()).id() + digits)
            }
        }
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "Running",
            Self::Random(_) => "Random",
        })
    }
}

impl OrderNumber {
    /// All random numbers are above it, and no running one ever is: a thousand orders a second take three million years.
    pub const FIRST_RANDOM: Self = Self::from_id(FIRST_DAY * A_DAY);

    /// Whether it is a random number.
    #[must_use]
    pub const fn is_random(self) -> bool {
        self.id() >= Self::FIRST_RANDOM.id()
    }

    /// The first random number of a day.
    #[must_use]
    pub fn first_random_of(day: NaiveDate) -> Self {
        Self::from_id(day_of(day).clamp(FIRST_DAY, LAST_DAY) * A_DAY)
    }

    /// The day of a random number.
    #[must_use]
    pub fn day(self) -> Option<NaiveDate> {
        let day = self.is_random().then(|| self.id() / A_DAY)?;
        let part = |it: i64| u32::try_from(it % 100).ok();
        NaiveDate::from_ymd_opt(2000 + i32::try_from(day / 10_000).ok()?, part(day / 100)?, part(day)?)
    }
}

/// A day as `YYMMDD`, from 2100 on with three digits of the year.
fn day_of(day: NaiveDate) -> i64 {
    i64::from(day.year() - 2000) * 10_000 + i64::from(day.month() * 100 + day.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(at: &str, bits: u64) -> OrderNumber {
        Numbers::new(NumberFormat::Random, move || bits).draw(at.parse().unwrap())
    }

    #[test]
    fn a_random_number_is_the_day_and_twelve_digits() {
        let number = drawn("2026-11-29T23:59:59Z", 7_482_193_746_512);
        assert_eq!(number.to_string(), "SO-261129482193746512");
        assert_eq!(number.to_string().parse(), Ok(number));
        assert_eq!(number.day(), "2026-11-29".parse().ok());
        assert_eq!(drawn("2026-11-30T00:00:00Z", 0).to_string(), "SO-261130000000000000");
        assert_eq!(Numbers::Running.draw("2026-11-30T00:00:00Z".parse().unwrap()), OrderNumber::NONE);
    }

    #[test]
    fn no_random_number_is_the_spelling_of_a_running_one_in_any_year() {
        for at in ["1970-01-01T00:00:00Z", "2010-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T00:00:00Z"] {
            for bits in [0, u64::MAX, 999_999_999_999] {
                let number = drawn(at, bits);
                assert!(number.is_random() && number.id() > 0, "{at} {number}");
                assert_eq!(number.to_string().parse(), Ok(number), "{at}");
                let digits = number.to_string().len() - "SO-".len();
                assert!((18..=19).contains(&digits), "{number}");
            }
        }
        assert!(!OrderNumber::from_id(99_999_999_999_999_999).is_random());
        assert_eq!(OrderNumber::from_id(42).day(), None);
        let first = |day: &str| OrderNumber::first_random_of(day.parse().unwrap());
        assert!(first("2099-12-31") < first("2100-01-01"), "they rise with the day");
    }
}
