//! The operations of one connection that are under way, and what becomes of what they give.

use std::collections::HashMap;

use serde_json::json;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::operation::OperationKey;
use super::protocol::{Close, Given, Told, interrupted};
use crate::error::{AppError, ErrorCode};
use crate::graphql;

/// How far an operation is.
enum Stage {
    /// It is a query or a mutation, or a subscription that has not begun.
    UnderWay,
    /// It is a subscription that has begun, and ends when somebody ends it.
    Follows,
    /// It is a subscription that was refused for now, which was not told yet.
    Refused(AppError),
}

struct Operation {
    count: u64,
    task: AbortHandle,
    stage: Stage,
}

/// The operations of one connection.
pub struct Operations {
    by_id: HashMap<String, Operation>,
    started: u64,
    /// Since when there has been none.
    idle_since: Instant,
}

impl Operations {
    pub fn new() -> Self {
        Self { by_id: HashMap::new(), started: 0, idle_since: Instant::now() }
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Since when there has been none, if there is none.
    pub const fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// Begins to count how long there has been none.
    pub fn begin_idling(&mut self) {
        self.idle_since = Instant::now();
    }

    /// Begins one.
    pub fn start(&mut self, id: String, spawn: impl FnOnce(OperationKey) -> AbortHandle) {
        self.started += 1;
        let task = spawn((id.clone(), self.started));
        self.by_id.insert(id, Operation { count: self.started, task, stage: Stage::UnderWay });
    }

    /// The client wants no more of it; perhaps the end of the connection waited for that.
    pub fn complete(&mut self, id: &str) -> Result<(), Close> {
        if let Some(operation) = self.by_id.remove(id) {
            operation.task.abort();
            self.begin_idling();
        }
        self.end().map_or(Ok(()), Err)
    }

    /// What the client is told of a result, unless it completed the operation meanwhile, and why the connection ends then, if it
    /// does.
    pub fn draw(&mut self, (id, count): OperationKey, told: Told) -> (Vec<Message>, Option<Close>) {
        let Some(operation) = self.by_id.get_mut(&id).filter(|operation| operation.count == count) else {
            return (Vec::new(), None);
        };
        let given = match told {
            Told::Gave(given) => Some(given),
            Told::Begun => {
                operation.stage = Stage::Follows;
                None
            }
            Told::BrokeOff(failure) if failure.code == ErrorCode::RateLimited => {
                operation.stage = Stage::Refused(failure);
                None
            }
            Told::BrokeOff(failure) => {
                self.by_id.remove(&id);
                return (Vec::new(), Some(interrupted(&failure)));
            }
        };
        let mut messages: Vec<_> = given.map(|given| self.say(&id, given)).into_iter().collect();
        if self.has(|stage| matches!(stage, Stage::Follows)) {
            messages.extend(self.take_refused());
        }
        (messages, self.end())
    }

    fn say(&mut self, id: &str, given: Given) -> Message {
        if !matches!(given, Given::Next(..)) {
            self.by_id.remove(id);
            self.begin_idling();
        }
        given.into_message(id)
    }

    /// The errors of subscriptions that were refused for now. Something follows on the connection, which its end would end, too.
    fn take_refused(&mut self) -> Vec<Message> {
        let refused = self.by_id.extract_if(|_, operation| matches!(operation.stage, Stage::Refused(_)));
        refused.filter_map(|(id, operation)| told_as_error(&id, operation)).collect()
    }

    /// Why the connection ends, where nothing is under way on it, and a subscription was refused for now: after an error a client
    /// would not come again.
    fn end(&self) -> Option<Close> {
        if self.has(|stage| !matches!(stage, Stage::Refused(_))) {
            return None;
        }
        self.by_id.values().find_map(|operation| match &operation.stage {
            Stage::Refused(failure) => Some(interrupted(failure)),
            Stage::UnderWay | Stage::Follows => None,
        })
    }

    /// What the client is told of a result, where the connection is about to end: it comes again with its subscriptions.
    pub fn draw_last(&mut self, (id, count): OperationKey, told: Told) -> Option<Message> {
        let operation = self.by_id.get_mut(&id).filter(|operation| operation.count == count)?;
        match told {
            Told::Gave(given) => Some(self.say(&id, given)),
            Told::Begun => {
                operation.task.abort();
                operation.stage = Stage::Follows;
                None
            }
            Told::BrokeOff(failure) => {
                operation.stage = Stage::Refused(failure);
                None
            }
        }
    }

    /// Whether any of them gives something by itself and then ends.
    pub fn are_under_way(&self) -> bool {
        self.has(|stage| matches!(stage, Stage::UnderWay))
    }

    fn has(&self, is_meant: impl Fn(&Stage) -> bool) -> bool {
        self.by_id.values().any(|operation| is_meant(&operation.stage))
    }

    /// Ends the subscriptions. What they gave before stays.
    pub fn abort_subscriptions(&self) {
        let follow = |operation: &&Operation| matches!(operation.stage, Stage::Follows);
        self.by_id.values().filter(follow).for_each(|operation| operation.task.abort());
    }

    /// Ends all of them.
    pub fn abort(&mut self) {
        self.by_id.drain().for_each(|(_, operation)| operation.task.abort());
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.abort();
    }
}

/// The error of a subscription that was refused for now. It was counted where it came up.
fn told_as_error(id: &str, operation: Operation) -> Option<Message> {
    let Stage::Refused(failure) = operation.stage else { return None };
    Some(Given::Error(json!(graphql::refusal(failure).errors)).into_message(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws what one operation after the other tells, each by its id; gives what the client is told, and the code at the end.
    fn told(told: Vec<(u64, Told)>) -> (Vec<String>, Option<u16>) {
        let mut operations = Operations::new();
        for id in 1..=3 {
            operations.start(id.to_string(), |_| tokio::spawn(std::future::pending::<()>()).abort_handle());
        }
        let mut messages = Vec::new();
        for (id, told) in told {
            let (said, close) = operations.draw((id.to_string(), id), told);
            messages.extend(said.into_iter().map(|message| message.to_string()));
            if let Some(Close(code, _)) = close {
                return (messages, Some(code));
            }
        }
        (messages, None)
    }

    fn limited() -> Told {
        Told::BrokeOff(AppError::new(ErrorCode::RateLimited, "wait"))
    }

    const fn complete() -> Told {
        Told::Gave(Given::Complete)
    }

    #[tokio::test]
    async fn what_is_refused_for_now_ends_the_connection_only_when_nothing_else_is_under_way() {
        assert_eq!(told(vec![(1, limited()), (2, limited())]), (Vec::new(), None));
        assert_eq!(told(vec![(1, limited()), (2, limited()), (3, limited())]), (Vec::new(), Some(1013)));
        let (messages, close) = told(vec![(1, limited()), (2, complete()), (3, complete())]);
        let complete = |id: u64| format!("{{\"id\":\"{id}\",\"type\":\"complete\"}}");
        assert_eq!((messages, close), (vec![complete(2), complete(3)], Some(1013)));
        for order in [vec![(1, limited()), (2, Told::Begun)], vec![(2, Told::Begun), (1, limited())]] {
            let (messages, close) = told(order);
            assert_eq!((messages.len(), close), (1, None));
            assert!(messages[0].contains("RATE_LIMITED") && messages[0].contains("\"error\""), "{messages:?}");
        }
    }
}
