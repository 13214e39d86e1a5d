//! Orders that could be real, made from a seed: for trying out dashboards and for measuring.
//!
//! The same seed makes the same orders on every machine: the generator's numbers are fixed by its specification.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::fields::{Fields, Naming};
use super::order::OrderStatus;
use super::order_input::NewOrder;
use crate::error::FieldError;

/// A made-up order with the life it has had.
#[derive(Debug, Clone)]
pub struct SampleOrder {
    /// The index of the sample client that sent it.
    pub client: usize,
    /// Unique among the orders of one seed.
    pub idempotency_key: String,
    /// The order.
    pub order: NewOrder,
    /// The time at which it was received.
    pub created_at: DateTime<Utc>,
    /// Its changes of status with their times, the oldest first.
    pub moves: Vec<(OrderStatus, DateTime<Utc>)>,
    /// The time at which the receiving system acknowledged it.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// What every key of a made-up order begins with; no partner's does.
pub const KEY_PREFIX: &str = "sample:";

/// How many clients send sample orders.
pub const CLIENTS: usize = 3;

/// The receiving system of sample orders.
pub const SYSTEM: &str = "erp";

const CUSTOMERS: usize = 5_000;
const SALES_PEOPLE: [&str; 24] = [
    "Siti Nurhaliza",
    "Budi Santoso",
    "Dewi Lestari",
    "Agus Salim",
    "Rina Wulandari",
    "Joko Prasetyo",
    "Ani Yudhoyono",
    "Hendra Gunawan",
    "Maya Kusuma",
    "Eko Nugroho",
    "Putri Ayu",
    "Bambang Sutrisno",
    "Fitri Handayani",
    "Rudi Hartono",
    "Lina Marlina",
    "Wahyu Hidayat",
    "Sari Dewanti",
    "Andi Wijaya",
    "Nur Aini",
    "Dedi Kurniawan",
    "Yuni Shara",
    "Taufik Rahman",
    "Indah Permata",
    "Rizky Febian",
];
const CITIES: [&str; 10] = [
    "Jakarta",
    "Surabaya",
    "Bandung",
    "Medan",
    "Semarang",
    "Makassar",
    "Palembang",
    "Denpasar",
    "Yogyakarta",
    "Balikpapan",
];
const STREETS: [&str; 8] = [
    "Jl. Sudirman",
    "Jl. Thamrin",
    "Jl. Gatot Subroto",
    "Jl. Diponegoro",
    "Jl. Ahmad Yani",
    "Jl. Merdeka",
    "Jl. Pahlawan",
    "Jl. Gajah Mada",
];
const PRODUCTS: [(&str, &str, i64); 12] = [
    ("HD9650", "Airfryer XXL", 3_499_000),
    ("HD9252", "Airfryer Essential", 1_649_000),
    ("HR2223", "Blender 5000", 899_000),
    ("HD4515", "Rice Cooker Fuzzy Logic", 1_299_000),
    ("GC4567", "Azur Steam Iron", 1_099_000),
    ("EP2220", "Espresso Series 2200", 5_999_000),
    ("HD9350", "Daily Kettle", 449_000),
    ("HR3652", "Avance Blender", 2_199_000),
    ("FC6722", "SpeedPro Vacuum", 3_299_000),
    ("HD2581", "Daily Toaster", 399_000),
    ("HR1856", "Viva Juicer", 1_599_000),
    ("GC9660", "PerfectCare Elite", 6_499_000),
];

/// Makes `count` orders over the `days` before `now`, in the order of their times. Each is read as a partner's is.
pub fn orders(
    seed: u64,
    count: u64,
    days: u32,
    now: DateTime<Utc>,
) -> impl Iterator<Item = Result<SampleOrder, Vec<FieldError>>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let span = TimeDelta::days(i64::from(days)).num_microseconds().unwrap_or(i64::MAX);
    let start = now - TimeDelta::microseconds(span);
    (0..count).map(move |index| {
        let at = i128::from(span) * i128::from(index) / i128::from(count.max(1));
        let created_at = start + TimeDelta::microseconds(i64::try_from(at).unwrap_or(span));
        one(&mut random, format!("{KEY_PREFIX}{seed}:{index}"), created_at, now)
    })
}

fn one(
    random: &mut ChaCha8Rng,
    idempotency_key: String,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<SampleOrder, Vec<FieldError>> {
    // A few customers order a lot, most order now and then.
    let share: f64 = random.random();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "below 5000"
    )]
    let customer = (share * share * CUSTOMERS as f64) as usize;
    let city = CITIES[customer % CITIES.len()];
    let street = STREETS[customer % STREETS.len()];
    let order = json!({
        "customer_code": format!("CUST-{:05}", customer + 1),
        "site_code": format!("SITE-{:03}", customer % 40 + 1),
        "sales_name": SALES_PEOPLE[customer % SALES_PEOPLE.len()],
        "address": format!("{street} No. {}\n{city}", customer % 200 + 1),
        "currency": "IDR",
        "note": random.random_ratio(1, 10).then_some("Deliver before noon"),
        "partner_reference": (!customer.is_multiple_of(4)).then(|| format!("45{:08}", created_at.timestamp() % 100_000_000)),
        "requested_delivery_date": (!customer.is_multiple_of(5)).then(|| due(customer, created_at)),
        "products": lines(random),
    });
    let mut sample = SampleOrder {
        client: random.random_range(0..CLIENTS),
        idempotency_key,
        order: NewOrder::read(Fields::new(&order, Naming::SnakeCase), "IDR")?,
        created_at,
        moves: Vec::new(),
        acknowledged_at: None,
    };
    live(random, &mut sample, now);
    Ok(sample)
}

/// Some want their orders within days, some within a fortnight.
fn due(customer: usize, created_at: DateTime<Utc>) -> NaiveDate {
    created_at.date_naive() + Days::new(3 + customer as u64 % 12)
}

/// Three lines on average.
fn lines(random: &mut ChaCha8Rng) -> Vec<Value> {
    let first = random.random_range(0..PRODUCTS.len());
    (0..random.random_range(1..=5))
        .map(|index| {
            let (code, name, price) = PRODUCTS[(first + index) % PRODUCTS.len()];
            json!({
                "product_code": code,
                "quantity": random.random_range(1..=12),
                "product_name": name,
                "unit": "PCS",
                "unit_price": (!random.random_ratio(1, 50)).then_some(price),
                "note": (index == 4).then_some("Gift-wrapped"),
                "reference": (index > 0).then(|| format!("{}", (index + 1) * 10)),
            })
        })
        .collect()
}

/// Lets the order go as far as its age allows.
fn live(random: &mut ChaCha8Rng, sample: &mut SampleOrder, now: DateTime<Utc>) {
    let acknowledged_at = sample.created_at + TimeDelta::minutes(random.random_range(1..30));
    sample.acknowledged_at = (acknowledged_at < now).then_some(acknowledged_at);
    let steps = if random.random_ratio(1, 20) {
        vec![(OrderStatus::Cancelled, TimeDelta::hours(random.random_range(1..24)))]
    } else {
        vec![
            (OrderStatus::Confirmed, TimeDelta::minutes(random.random_range(30..600))),
            (OrderStatus::Shipped, TimeDelta::hours(random.random_range(12..72))),
            (OrderStatus::Delivered, TimeDelta::hours(random.random_range(12..120))),
        ]
    };
    let mut at = sample.created_at;
    for (status, after) in steps {
        at += after;
        if at >= now {
            return;
        }
        sample.moves.push((status, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_orders() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let made = |seed| orders(seed, 50, 30, now).map(|order| format!("{:?}", order.unwrap())).collect::<Vec<_>>();
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    #[test]
    fn a_sample_order_lives_as_real_ones_do() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let mut last = DateTime::UNIX_EPOCH;
        for sample in orders(7, 500, 30, now) {
            let sample = sample.unwrap();
            let mut status = OrderStatus::Received;
            let mut at = sample.created_at;
            assert!(at >= last && at < now);
            last = at;
            for (next, when) in sample.moves {
                assert!(status.next().contains(&next) && when > at && when < now);
                (status, at) = (next, when);
            }
        }
    }
}
