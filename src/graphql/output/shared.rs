//! Events of a stream that many follow: an answer is made for one of them and copied for the others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Context, Response, Value};
use futures_util::stream::{Stream, StreamExt as _};
use moka::future::Cache;

use super::written::{holds_text, text_bytes, to_text};
use crate::domain::event::Position;
use crate::domain::permission::{Permission, Scope};
use crate::error::AppError;
use crate::service::events::EventBatch;

/// How long an answer is kept: until the slowest reader that keeps up was told.
const KEPT: Duration = Duration::from_secs(5);

/// The memory for answers.
const BYTES: u64 = 32 << 20;

/// What makes two documents with their variables one.
pub type Seed = [u8; 32];

type Told = (Seed, Scope, Vec<Permission>, (Position, Position), bool);

/// The answers that were made a moment ago. Cloning shares them.
#[derive(Clone)]
pub struct Answers(Cache<Told, Value>);

impl Answers {
    /// None yet.
    pub fn new() -> Self {
        let bytes = |_: &Told, answer: &Value| u32::try_from(text_bytes(answer)).unwrap_or(u32::MAX);
        Self(Cache::builder().time_to_live(KEPT).max_capacity(BYTES).weigher(bytes).build())
    }
}

/// Of a stream in batches: what its next answer depends on. In the data of its request.
pub struct Shared {
    seed: Seed,
    next: Mutex<Option<Told>>,
    /// Completes an answer, as it is sent.
    complete: Box<dyn Fn(Response) -> Response + Send + Sync>,
    answers: Answers,
}

impl Shared {
    /// A stream whose answers are completed so.
    pub fn new(
        seed: Seed,
        answers: Answers,
        complete: impl Fn(Response) -> Response + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { seed, next: Mutex::default(), complete: Box::new(complete), answers })
    }

    /// The batches of a stream, of each of which it is said before that it is answered next.
    pub fn announced<S>(ctx: &Context<'_>, batches: S) -> impl Stream<Item = S::Item> + use<S>
    where
        S: Stream<Item = Result<EventBatch, AppError>>,
    {
        let shared = ctx.data_opt::<Arc<Self>>().cloned();
        batches.inspect(move |batch| {
            if let (Some(shared), Ok(batch)) = (&shared, batch) {
                shared.comes(batch);
            }
        })
    }

    fn comes(&self, EventBatch { range, scope, permissions, has_more, .. }: &EventBatch) {
        let mut permissions = permissions.clone();
        permissions.sort_unstable();
        let told = (self.seed, scope.clone(), permissions, *range, *has_more);
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    /// Whether an answer is one of these, and complete.
    pub fn is_told(answer: &Response) -> bool {
        answer.errors.is_empty() && holds_text(answer)
    }
}

/// Makes the answers of streams in batches.
pub struct TellsMany;

impl ExtensionFactory for TellsMany {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for TellsMany {
    async fn execute(&self, ctx: &ExtensionContext<'_>, name: Option<&str>, next: NextExecute<'_>) -> Response {
        let Some(shared) = ctx.data_opt::<Arc<Shared>>() else { return next.run(ctx, name).await };
        let told = shared.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(told) = told else { return next.run(ctx, name).await };
        let (mut next, mut failed) = (Some(next), None);
        let make = async {
            let Some(next) = next.take() else { return Err(()) };
            let response = next.run(ctx, name).await;
            let mut response = if response.errors.is_empty() { (shared.complete)(response) } else { response };
            match &mut response.data {
                Value::Object(members) if response.errors.is_empty() => {
                    members.values_mut().for_each(|answer| *answer = to_text(answer));
                    Ok(response.data)
                }
                // What failed for one may be right for another.
                _ => {
                    failed = Some(response);
                    Err(())
                }
            }
        };
        match shared.answers.0.try_get_with(told, make).await {
            Ok(answer) => Response::new(answer),
            Err(_) => match (failed, next) {
                (Some(failed), _) => failed,
                // It failed for somebody else, who was asked first.
                (None, Some(next)) => next.run(ctx, name).await,
                (None, None) => Response::default(),
            },
        }
    }
}
