//! Instances on one database: each says that it runs, and looks whether the others are configured as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use super::sessions::Sessions;
use crate::clock::random_bytes;
use crate::domain::instance::{Configuration, Instance, Load, SAYS_EVERY};
use crate::error::AppError;
use crate::store::{InstanceToNote, Outage, Store};
use crate::telemetry;

/// How long saying goodbye may take: a database that is away keeps nobody from stopping, and the row tells soon enough.
const TO_FORGET: Duration = Duration::from_secs(5);

/// The setting whose keys may be replaced while an instance runs.
pub const JWT_SECRET: &str = "auth.jwt_secret";

/// The setting with the keys that seal secrets of webhooks.
pub const WEBHOOK_KEYS: &str = "webhooks.secret_keys";

/// Instances on one database.
pub struct Instances {
    store: Store,
    sessions: Arc<Sessions>,
    id: String,
    configuration: Configuration,
}

/// An instance among the others.
#[derive(Debug, Clone)]
pub struct SeenInstance {
    /// The instance.
    pub instance: Instance,
    /// The names of the settings in which it differs from another one, if both run.
    pub differs_in: BTreeSet<String>,
}

impl Instances {
    /// This instance among the others. `configuration` lacks the keys of tokens.
    #[must_use]
    pub fn new(store: Store, sessions: Arc<Sessions>, configuration: Configuration) -> Self {
        Self { store, sessions, id: hex::encode(random_bytes::<16>()), configuration }
    }

    /// Instances of the last day that did not say that they ended, the one seen last first.
    pub async fn list(&self) -> Result<Vec<SeenInstance>, AppError> {
        list(&self.store).await
    }

    /// Says again and again that this instance runs, until it stops, and warns where another one is configured in another way.
    pub async fn keep_noted(&self, address: SocketAddr, load: impl Fn() -> Load, stopping: impl Future<Output = ()>) {
        let name = format!("{}:{}", machine(), address.port());
        let (mut outage, mut known) = (Outage::default(), BTreeMap::new());
        let saying = async {
            let mut ticks = interval(SAYS_EVERY);
            // After an outage, no instance makes up for what it could not say.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match self.note(&name, load()).await {
                    Ok(others) => {
                        outage.end();
                        tell(&mut known, others);
                    }
                    Err(error) => {
                        let error = telemetry::causes(&error);
                        if outage.is_news(&error) {
                            warn!(error, "this instance could not note that it runs; trying again");
                        }
                    }
                }
            }
        };
        // Kept to the end: as long as it is there, whoever stops the service waits.
        let mut stopping = std::pin::pin!(stopping);
        tokio::select! {
            () = saying => {}
            () = &mut stopping => {}
        }
        if !matches!(timeout(TO_FORGET, self.store.forget_instance(self.id.clone())).await, Ok(Ok(()))) {
            warn!("this instance could not note that it ends; it counts as gone after a while");
        }
    }

    /// Notes this instance; gives the others that run, by their ids, and in what each differs from it.
    async fn note(&self, name: &str, load: Load) -> Result<BTreeMap<String, Other>, AppError> {
        let mut own = self.configuration.clone();
        own.keys.insert(JWT_SECRET.to_owned(), self.sessions.key_names());
        let row = InstanceToNote {
            id: self.id.clone(),
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: serde_json::to_string(&own).map_err(AppError::internal)?,
            load: serde_json::to_string(&load).map_err(AppError::internal)?,
        };
        self.store.in_time(self.store.note_instance(row)).await?;
        let all = self.store.in_time(self.store.list_instances()).await?;
        let others = all.into_iter().filter(|other| other.id != self.id && other.is_running());
        let compared = others.map(|Instance { id, name, configuration, .. }| {
            let settings = Vec::from_iter(own.differences(&configuration)).join(", ");
            (id, Other { name, settings })
        });
        Ok(compared.collect())
    }
}

/// Another instance that runs.
struct Other {
    name: String,
    /// The names of the settings in which it differs; empty where there are none.
    settings: String,
}

/// The instances on this database, as [`Instances::list`] gives them.
pub async fn list(store: &Store) -> Result<Vec<SeenInstance>, AppError> {
    let instances = store.list_instances().await?;
    let running = || instances.iter().filter(|instance| instance.is_running());
    let seen = |instance: &Instance| {
        let differs = |other: &Instance| instance.configuration.differences(&other.configuration);
        let differs_in = if instance.is_running() { running().flat_map(differs).collect() } else { BTreeSet::new() };
        SeenInstance { instance: instance.clone(), differs_in }
    };
    Ok(instances.iter().map(seen).collect())
}

/// Tells what is new.
fn tell(known: &mut BTreeMap<String, Other>, others: BTreeMap<String, Other>) {
    telemetry::note_differing_instances(others.values().filter(|other| !other.settings.is_empty()).count());
    for (id, Other { name, settings }) in &others {
        let before = known.get(id).map_or("", |other| &*other.settings);
        if before == settings {
            continue;
        }
        if settings.is_empty() {
            info!(instance = name, "no difference in settings to this instance any more");
        } else {
            warn!(
                instance = name,
                settings,
                "another instance on this database has other values of these settings; give all instances the same, unless \
                 they are being changed one by one just now"
            );
        }
    }
    *known = others;
}

/// The name of this machine.
fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // As long as the column takes, with a port.
    name.chars().take(240).collect()
}
