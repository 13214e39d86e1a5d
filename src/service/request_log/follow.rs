//! Following the log: entries as they are written.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::RequestLog;
use super::reading::ensure_known_hint;
use crate::domain::client::ClientId;
use crate::domain::request_log::{LoggedRequest, RequestLogFilter};
use crate::error::{AppError, ErrorCode};
use crate::service::caller::LiveSession;
use crate::service::events;
use crate::service::slots::Slot;

/// How often it is looked for entries of other instances.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The pause between two looks: where much is written, there is always something new.
const PAUSE: Duration = Duration::from_millis(200);

/// For how long an entry may be written after another one that was answered later, as by an instance whose database gave no answer
/// once. What comes later still is found in pages only.
const LATE: TimeDelta = TimeDelta::seconds(15);

/// How many entries are read at once.
const AT_ONCE: usize = 200;

struct Follower {
    log: RequestLog,
    session: LiveSession,
    client: Option<String>,
    filter: RequestLogFilter,
    written: watch::Receiver<()>,
    /// Everything up to here was told or was there before.
    from: (i64, i64),
    /// What was told behind it.
    told: BTreeSet<(i64, i64)>,
    ready: VecDeque<LoggedRequest>,
    _slot: Slot<ClientId>,
}

impl RequestLog {
    /// Entries from now on, each as its reader may see it at that moment. Ends with a failure when the session does.
    pub async fn follow(
        &self,
        session: LiveSession,
        client: Option<String>,
        filter: RequestLogFilter,
    ) -> Result<impl Stream<Item = Result<LoggedRequest, AppError>> + use<>, AppError> {
        ensure_known_hint(&filter)?;
        let principal = self.0.store.in_time(session.principal()).await?;
        self.scope(&principal, client.as_deref())?;
        let slot = self.0.followers.take(principal.client_id()).ok_or_else(|| {
            let limit = self.0.followers.each();
            let message = format!("A client may follow the log {limit} times at once; end one, then try again");
            AppError::new(ErrorCode::RateLimited, message).retry_after(Duration::from_secs(5))
        })?;
        let follower = Follower {
            log: self.clone(),
            session,
            client,
            filter,
            written: self.0.written.subscribe(),
            from: (self.0.clock.now().timestamp_micros(), i64::MAX),
            told: BTreeSet::new(),
            ready: VecDeque::new(),
            _slot: slot,
        };
        events::tell_begun();
        Ok(stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(entry) => Some((Ok(entry), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

impl Follower {
    async fn next(&mut self) -> Result<LoggedRequest, AppError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(entry);
            }
            // Time out or not, the session is looked at again.
            let _ = timeout(LOOK_EVERY, self.written.changed()).await;
            tokio::time::sleep(PAUSE).await;
            match self.read().await {
                // The outage may pass.
                Err(error) if matches!(error.code, ErrorCode::DatabaseUnavailable | ErrorCode::Overloaded) => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                read => read?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), AppError> {
        let store = &self.log.0.store;
        let principal = store.in_time(self.session.principal()).await?;
        let scope = self.log.scope(&principal, self.client.as_deref())?;
        let (mut after, mut now) = (self.from, self.log.0.clock.now());
        loop {
            let places = store.list_places_of_logged_requests(&scope, &self.filter, after, AT_ONCE).await?;
            let is_all = places.len() < AT_ONCE;
            after = places.last().copied().unwrap_or(after);
            let new: Vec<_> = places.into_iter().filter(|place| !self.told.contains(place)).collect();
            if !new.is_empty() {
                let entries = store.list_logged_requests_at(&scope, &new).await?;
                self.told.extend(new);
                self.ready.extend(entries.into_iter().map(|entry| scope.shown(entry)));
            }
            if is_all {
                break;
            }
            if self.ready.len() >= AT_ONCE {
                // What is behind is read next.
                now = now.min(DateTime::from_timestamp_micros(after.0).unwrap_or(now));
                break;
            }
        }
        let settled = (now - LATE).timestamp_micros();
        if settled > self.from.0 {
            self.from = (settled, i64::MAX);
            self.told = self.told.split_off(&(settled, i64::MAX));
        }
        Ok(())
    }
}
