//! Looks at the replica again and again over a connection of its own: whether it can be asked, and how far it is behind.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::point::{Fit, Point};
use super::{Replica, SHORTLY, State};
use crate::store::address::{Address, host_and_port};
use crate::store::connect::Store;
use crate::store::error::{StoreError, StoreResult, from_sqlx};
use crate::store::outage::Outage;
use crate::store::pooler::{self, Pooler};
use crate::store::reach::{Unreachable, within};
use crate::store::unreachable;
use crate::telemetry;

/// The pause between two looks, and the one where a read failed meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(50)];

/// The pause before a replica that is behind is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// How long each step of connecting may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Fails as a read would, without reading anything.
const READS: &str = "SELECT FROM sales_orders, sales_order_lines, sales_order_shipments, sales_order_shipment_lines,
    sales_order_requests, sales_order_receipts, sales_order_request_receipts, sales_order_acknowledgements,
    sales_order_totals, sales_order_totals_by_period, sales_order_totals_delta LIMIT 0";

/// What a look found.
enum Look {
    Current,
    Behind(i64),
    Away(String),
    /// The primary did not say how far it is, so nothing was found out.
    Nothing,
}

struct Watcher {
    replica: Replica,
    address: Address,
    connection: Option<(PgConnectOptions, PgConnection)>,
    outage: Outage,
    /// Whether the last look found it behind: one that is so for a moment is no news.
    was_behind: bool,
    /// Whether the operator was told that it is read from.
    is_known: bool,
    /// The oldest position that it has not reached, and when the primary was there.
    missed: Option<(Point, Instant)>,
}

/// Watches until the primary's connections are closed.
pub(super) async fn follow(replica: Replica, address: Address) {
    let pool = replica.0.primary.core.get_postgres_connection_pool().clone();
    let (connection, outage) = (None, Outage::default());
    let mut watcher =
        Watcher { replica, address, connection, outage, was_behind: false, is_known: false, missed: None };
    tokio::select! {
        () = watcher.keep_looking() => {}
        () = pool.close_event() => {}
    }
}

impl Watcher {
    async fn keep_looking(&mut self) {
        let [usual, soon] = PAUSES;
        let liveness = self.replica.0.liveness.clone();
        loop {
            let look = self.look().await;
            self.note(look);
            tokio::select! {
                () = sleep(usual) => {}
                () = liveness.doubted() => sleep(soon).await,
            }
        }
    }

    async fn look(&mut self) -> Look {
        let Some(point) = self.replica.primary_point().await else { return Look::Nothing };
        let asked = Instant::now();
        let look = match self.compare(point, asked).await {
            Ok(Fit::Current) => Look::Current,
            Ok(Fit::Behind(bytes)) => Look::Behind(bytes),
            Ok(Fit::Unfit(why)) => Look::Away(self.named(why)),
            Err(unreachable) => {
                self.connection = None;
                Look::Away(unreachable.sentence)
            }
        };
        self.measure(&look, point, asked);
        look
    }

    fn host(&self) -> String {
        self.connection.as_ref().map(|(options, _)| host_and_port(options)).unwrap_or_default()
    }

    fn named(&mut self, why: &str) -> String {
        let host = self.host();
        // Its name may lead elsewhere by now.
        self.connection = None;
        format!("{host} {why}")
    }

    /// Waits for a replica that is behind as long as a read does.
    async fn compare(&mut self, point: Point, asked: Instant) -> Result<Fit, Unreachable> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        let Some((options, connection)) = &mut self.connection else { return Ok(Fit::Unfit("is away")) };
        loop {
            let fit = within(options, SHORTLY, point.is_at(connection)).await?;
            if !matches!(fit, Fit::Behind(_)) || asked.elapsed() >= self.replica.0.max_lag {
                return Ok(fit);
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn connect(&self) -> Result<(PgConnectOptions, PgConnection), Unreachable> {
        let opened = open(&self.address, LIMIT).await?;
        for pool in [&self.replica.0.store.read, &self.replica.0.store.reports] {
            pool.get_postgres_connection_pool().set_connect_options(opened.0.clone());
        }
        self.replica.0.liveness.close_all();
        Ok(opened)
    }

    /// Works out for how long the replica has been lacking something.
    fn measure(&mut self, look: &Look, point: Point, asked: Instant) {
        let (bytes, at) = match look {
            Look::Current => (Some(0), Some(point)),
            Look::Behind(bytes) => (Some(*bytes), Some(point.before(*bytes))),
            Look::Away(_) | Look::Nothing => (None, None),
        };
        if let Some(at) = at
            && self.missed.is_some_and(|(missed, _)| at.is_past(&missed))
        {
            self.missed = None;
        }
        let lag = if matches!(look, Look::Current) {
            asked.elapsed()
        } else {
            self.missed.get_or_insert((point, asked)).1.elapsed()
        };
        telemetry::note_replica_lag(lag, bytes);
    }

    fn note(&mut self, look: Look) {
        let was_behind = std::mem::take(&mut self.was_behind);
        let state = match look {
            Look::Nothing => return,
            Look::Current => {
                let host = self.host();
                let lasted = self.outage.end().map(|lasted| lasted.as_secs_f64());
                if lasted.is_some() || !self.is_known {
                    info!(host, outage_seconds = lasted, "pages and reports are read from the replica");
                }
                self.is_known = true;
                State::Current
            }
            Look::Behind(bytes) => {
                self.was_behind = true;
                if was_behind && self.outage.is_news("behind") {
                    warn!(
                        host = self.host(),
                        bytes, "the replica is too far behind; everything is read from the primary"
                    );
                }
                State::Behind
            }
            Look::Away(cause) => {
                if self.outage.is_news(&cause) {
                    warn!(cause, "the replica cannot be read from; everything is read from the primary");
                }
                State::Away
            }
        };
        self.replica.0.state.send_replace(state);
    }
}

/// Connects to a standby whose tables can be read.
async fn open(address: &Address, limit: Duration) -> Result<(PgConnectOptions, PgConnection), Unreachable> {
    let options = address.find(limit).await?;
    if pooler::detect(&options, limit).await? == Pooler::Transaction {
        let host = host_and_port(&options);
        let sentence = format!(
            "the pooler at {host} runs in transaction mode, where a connection does not stay with one server; name the replica itself"
        );
        return Err(unreachable::lasting(sentence));
    }
    let connecting = async {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(READS).execute(&mut connection).await?;
        Ok(connection)
    };
    let connection = within(&options, limit, connecting).await?;
    Ok((options, connection))
}

/// What a look at a replica by itself found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSeen {
    /// The host and its port.
    pub host: String,
    /// How many bytes of the log it lacked after it was waited for.
    pub behind: i64,
}

impl Store {
    /// Looks at the replica at `url`, and waits for it to have what this database has for `max_lag`. Fails where it is none that could
    /// be read from. Each step may take `limit`.
    pub async fn look_at_replica(&self, url: &str, max_lag: Duration, limit: Duration) -> StoreResult<ReplicaSeen> {
        let (options, mut connection) = open(&Address::of_replica(url)?, limit).await?;
        let host = host_and_port(&options);
        let point = Point::of_primary(self.core.get_postgres_connection_pool()).await.map_err(from_sqlx)?;
        let asked = Instant::now();
        loop {
            match within(&options, limit, point.is_at(&mut connection)).await? {
                Fit::Current => return Ok(ReplicaSeen { host, behind: 0 }),
                Fit::Unfit(why) => return Err(StoreError::from(unreachable::lasting(format!("{host} {why}")))),
                Fit::Behind(behind) if asked.elapsed() >= max_lag => return Ok(ReplicaSeen { host, behind }),
                Fit::Behind(_) => sleep(ASK_AGAIN).await,
            }
        }
    }
}
