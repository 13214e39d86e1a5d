//! Reading the log.

use super::RequestLog;
use crate::auth::hint::Hint;
use crate::domain::client::ClientId;
use crate::domain::permission::Permission;
use crate::domain::request_log::{
    ERRORS_OF, LogScope, LoggedRequest, NONE as NO_HINT, RequestErrorGroup, RequestErrorsInput, RequestLogFilter,
    RequestLogInput,
};
use crate::domain::sealer::Purpose;
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};
use crate::service::caller::{Principal, lacks};

/// A page of the log.
pub struct RequestLogPage {
    /// The entries, the newest first.
    pub entries: Vec<LoggedRequest>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// The most groups of failures.
const MOST_GROUPS: u64 = 100;

impl RequestLog {
    /// Whose entries this reader may read: its own, or with the scope `clients:read` those of the client that it names, or of all.
    pub fn scope(&self, reader: &Principal, client: Option<&str>) -> Result<LogScope, AppError> {
        if !self.is_on() {
            let message = "There is no log of requests here: the operator keeps none (request_log.retention)";
            return Err(AppError::new(ErrorCode::NotFound, message));
        }
        let (own, sees_all) = (reader.client_id(), reader.ensure(Permission::ClientsRead).is_ok());
        let named = |id: &str| {
            let no_client = |_| AppError::new(ErrorCode::NotFound, "There is no such client");
            id.parse::<ClientId>().map_err(no_client)
        };
        match client {
            Some(id) if sees_all => Ok(LogScope::Of(named(id)?)),
            Some(id) if id != own.as_str() => Err(lacks(Permission::ClientsRead)),
            None if sees_all => Ok(LogScope::All),
            _ => Ok(LogScope::Own(own.clone())),
        }
    }

    /// Entries, the newest first.
    pub async fn page(
        &self,
        scope: &LogScope,
        RequestLogInput { filter, limit }: &RequestLogInput,
        cursor: Option<&str>,
    ) -> Result<RequestLogPage, AppError> {
        ensure_known_hint(filter)?;
        let sealer = self.0.sealing.sealer().await?;
        let before = cursor.map(|cursor| {
            let opened = sealer.open(Purpose::RequestLogCursor, cursor);
            opened.map(|[at, id]| (at, id)).ok_or_else(|| {
                let message = "is not a cursor of this list; take it from an answer, or leave it out to begin anew";
                let (pointer, message) = ("/cursor".to_owned(), message.to_owned());
                AppError::invalid(vec![FieldError { pointer, code: FieldErrorCode::Cursor, message }])
            })
        });
        let store = &self.0.store;
        let mut entries = store.list_logged_requests(scope, filter, before.transpose()?, limit + 1).await?;
        let has_more = entries.len() > *limit;
        entries.truncate(*limit);
        let next_cursor = match entries.last() {
            Some(last) if has_more => {
                Some(sealer.seal(Purpose::RequestLogCursor, [last.at.timestamp_micros(), last.id])?)
            }
            _ => None,
        };
        Ok(RequestLogPage { entries: entries.into_iter().map(|entry| scope.shown(entry)).collect(), next_cursor })
    }

    /// Failures in groups of one cause, those with the most requests first.
    pub async fn errors(
        &self,
        scope: &LogScope,
        RequestErrorsInput { since, until }: RequestErrorsInput,
    ) -> Result<Vec<RequestErrorGroup>, AppError> {
        let since = since.unwrap_or_else(|| until.unwrap_or_else(|| self.0.clock.now()) - ERRORS_OF);
        let filter = RequestLogFilter { since: Some(since), until, ..RequestLogFilter::default() };
        Ok(self.0.store.list_request_errors(scope, &filter, MOST_GROUPS).await?)
    }
}

/// Refuses a hint that no entry can have: its list would be empty, as if all were well.
pub(super) fn ensure_known_hint(filter: &RequestLogFilter) -> Result<(), AppError> {
    let is_known = |hint: &str| hint == NO_HINT || Hint::ALL.iter().any(|known| known.as_str() == hint);
    if filter.hint.as_deref().is_none_or(is_known) {
        return Ok(());
    }
    let message = "is no hint; the documentation lists them, such as clock_skew".to_owned();
    Err(AppError::invalid(vec![FieldError { pointer: "/hint".to_owned(), code: FieldErrorCode::Value, message }]))
}
