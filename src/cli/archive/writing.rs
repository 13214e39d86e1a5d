//! Writes orders that may go into files.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufWriter, Write as _};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::Done;
use super::folder::Folder;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::archive::{FORMAT, Manifest, Tally};
use crate::domain::order::OrderNumber;
use crate::graphql::{Api, Sender};
use crate::rest::EXPORT_WHOLE_ORDERS;
use crate::service::Archiving;
use crate::service::archiving::Examined;

/// How many orders are read together, and how many lines at most unless one order has more: what a page of the export holds
/// (`an_order_of_many_lines_leaves_with_all_others`).
const READ_AT_ONCE: (usize, i32) = (20, 2000);

/// Writes one file after another.
pub struct Writer<'a> {
    archiving: &'a Archiving,
    api: &'a Api,
    config: &'a Config,
    clock: &'a Clock,
    before: DateTime<Utc>,
    orders_per_file: usize,
    found: Found,
}

/// Orders that may go, by number.
#[derive(Default)]
struct Found {
    /// Those that were looked at, up to here.
    after: Option<OrderNumber>,
    ready: VecDeque<(OrderNumber, i32)>,
    is_end: bool,
}

impl Found {
    /// Looks at further orders, until some may go or there are no more.
    async fn look(&mut self, archiving: &Archiving, before: DateTime<Utc>, done: &mut Done) -> Result<()> {
        // Read anew each time: a long run gives readers of the feed time to go on.
        let passed = archiving.passed().await?;
        while self.ready.is_empty() && !self.is_end {
            let examined = archiving.next(before, self.after.unwrap_or(OrderNumber::NONE), &passed).await?;
            self.is_end = examined.is_empty();
            for Examined { order, kept, .. } in examined {
                self.after = Some(order.number);
                let Some(why) = kept else {
                    self.ready.push_back((order.number, order.line_count));
                    done.first = done.first.min(Some(order.number)).or(Some(order.number));
                    done.last = done.last.max(Some(order.number));
                    let at = order.created_at;
                    let (from, to) = done.created.unwrap_or((at, at));
                    done.created = Some((from.min(at), to.max(at)));
                    continue;
                };
                *done.left.kept.entry(why).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Takes the next of them that are read together, so many at most.
    fn take(&mut self, most: usize) -> Vec<OrderNumber> {
        let (orders, lines) = READ_AT_ONCE;
        let mut sum = 0;
        let fitting = self.ready.iter().take(orders.min(most)).take_while(|(_, count)| {
            sum += count;
            sum <= lines
        });
        let count = fitting.count().max(1).min(self.ready.len());
        self.ready.drain(..count).map(|(number, _)| number).collect()
    }
}

/// Counts the orders that would go.
pub async fn count(archiving: &Archiving, before: DateTime<Utc>, done: &mut Done) -> Result<()> {
    let mut found = Found::default();
    loop {
        found.look(archiving, before, done).await?;
        if found.ready.is_empty() {
            return Ok(());
        }
        done.left.removed += found.ready.len() as u64;
        found.ready.clear();
    }
}

impl<'a> Writer<'a> {
    /// Writes orders that were last changed before a time, so many in a file at most.
    pub fn new(
        archiving: &'a Archiving,
        api: &'a Api,
        config: &'a Config,
        clock: &'a Clock,
        (before, orders_per_file): (DateTime<Utc>, u32),
    ) -> Self {
        let orders_per_file = usize::try_from(orders_per_file).unwrap_or(usize::MAX);
        Self { archiving, api, config, clock, before, orders_per_file, found: Found::default() }
    }

    /// Writes the next file; gives its name, or `None` when no order is left. It has no name until it is complete.
    pub async fn write_next(&mut self, folder: &Folder, done: &mut Done) -> Result<Option<String>> {
        let (mut tally, mut clients, mut written) = (Tally::default(), BTreeSet::new(), 0);
        let mut file: Option<BufWriter<NamedTempFile>> = None;
        while written < self.orders_per_file {
            self.found.look(self.archiving, self.before, done).await?;
            let numbers = self.found.take(self.orders_per_file - written);
            if numbers.is_empty() {
                break;
            }
            for line in self.read(&numbers).await? {
                let file = match &mut file {
                    Some(file) => file,
                    None => file.insert(BufWriter::new(folder.begin()?)),
                };
                let text = format!("{line}\n");
                file.write_all(text.as_bytes()).context("cannot write the archive")?;
                clients.extend(tally.add(text.as_bytes()).map(|line| line.client_id));
                written += 1;
            }
        }
        let Some(file) = file else { return Ok(None) };
        let file = file.into_inner().context("cannot write the archive")?;
        let manifest = self.manifest(tally, &clients).await?;
        folder.finish(file, &manifest)?;
        Ok(Some(manifest.file))
    }

    async fn manifest(&self, tally: Tally, clients: &BTreeSet<String>) -> Result<Manifest> {
        let (contents, problems) = tally.finish();
        if let Some(problem) = problems.first() {
            anyhow::bail!("what was written cannot be read again: {problem}");
        }
        let short = contents.lines_sha256.get(..8).unwrap_or_default();
        Ok(Manifest {
            format: FORMAT,
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            file: format!("orders-{}-{}-{short}.jsonl", contents.first_order_number, contents.last_order_number),
            written_at: self.clock.now(),
            last_changed_before: self.before,
            timestamp_tolerance_seconds: self.config.auth.timestamp_tolerance.as_secs(),
            path_prefix: self.config.http.public_url.prefix().to_owned(),
            public_keys: self.archiving.keys_of(clients).await?,
            contents,
        })
    }

    /// Orders with all that is kept of them, sorted by number. One that is gone meanwhile is left out.
    async fn read(&self, numbers: &[OrderNumber]) -> Result<Vec<Value>> {
        let names: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let variables = json!({"where": {"order_number": {"in": names}}});
        let mut page = self.api.execute_prepared(&EXPORT_WHOLE_ORDERS, Sender::Operator, |_| Ok(variables)).await?;
        anyhow::ensure!(
            page["page"]["has_next"] != json!(true),
            "the orders from {} on do not fit on a page",
            names[0]
        );
        let mut orders = match page["orders"].take() {
            Value::Array(orders) => orders,
            _ => Vec::new(),
        };
        let intake = self.archiving.intake_of(numbers).await?;
        let number_of =
            |order: &Value| order["order_number"].as_str().and_then(|text| text.parse::<OrderNumber>().ok());
        orders.sort_by_key(number_of);
        orders.retain_mut(|order| {
            let Some((key, digest)) = number_of(order).and_then(|number| intake.get(&number)) else { return false };
            order["idempotency_key"] = json!(key);
            order["request_digest"] = json!(hex::encode(digest));
            // An acknowledgement that came between the two was read as an event only.
            let acknowledged =
                order["events"].as_array().into_iter().flatten().filter(|it| it["kind"] == "ACKNOWLEDGED");
            acknowledged.count() <= order["acknowledgements"].as_array().map_or(0, Vec::len)
        });
        Ok(orders)
    }
}
