//! What one request may still take while it runs: points for what its document does not tell, statements, and bytes of
//! its answer.
//!
//! A document's own cost is known before anything runs (`validation`). How many lines an order has, how long its texts
//! are and how often the database is asked shows on the way, and is charged here before the work is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo};
use async_graphql::{Context, ServerResult, Value};
use futures_util::stream::{Stream, StreamExt as _};

use super::Limits;
use crate::error::{AppError, ErrorCode};
use crate::service::{Orders, Services};

/// The budget of one request, or of one event of a stream.
pub struct Budget {
    limits: Limits,
    /// The points that the document takes.
    document: usize,
    points: AtomicUsize,
    statements: AtomicUsize,
    bytes: AtomicUsize,
    values: AtomicU32,
    /// Whether it is that of a stream that has begun.
    has_begun: AtomicBool,
}

/// The number of values that are made between two yields to other tasks.
const VALUES_A_TURN: u32 = 1024;

impl Budget {
    /// A budget of which the document takes so many points.
    pub fn new(limits: Limits, document: usize) -> Arc<Self> {
        let [statements, bytes] = [0, 0].map(AtomicUsize::new);
        let (points, values) = (AtomicUsize::new(document), AtomicU32::new(0));
        let has_begun = AtomicBool::new(false);
        Arc::new(Self { limits, document, points, statements, bytes, values, has_begun })
    }

    /// A budget of what was priced before it runs and must not be given up when it has run: a mutation, or a document of
    /// ours (`a_stored_order_is_answered_however_large_the_answer`).
    pub fn of_priced(limits: Limits, document: usize) -> Arc<Self> {
        let most = usize::MAX;
        Self::new(Limits { complexity: most, statements: most, answer_bytes: most, ..limits }, document)
    }

    /// Gives the next event of a stream the whole budget anew.
    pub fn renew(&self) {
        self.points.store(self.document, Ordering::Relaxed);
        self.statements.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// Whether it is that of a stream that has begun: what fails before is the request, not an event (GraphQL §6.2.3.1).
    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// The points taken so far.
    pub fn points(&self) -> usize {
        self.points.load(Ordering::Relaxed)
    }

    /// Takes points for work that the document does not tell.
    pub fn charge(&self, points: usize) -> Result<(), AppError> {
        let taken = take(&self.points, points);
        if taken <= self.limits.complexity { Ok(()) } else { Err(too_dear(self.limits.complexity)) }
    }

    /// Takes statements of the database.
    pub fn statements(&self, statements: usize) -> Result<(), AppError> {
        let most = self.limits.statements;
        if take(&self.statements, statements) <= most {
            return Ok(());
        }
        let message = format!("The request needs more than {most} database statements; split it");
        Err(AppError::new(ErrorCode::LimitExceeded, message))
    }

    /// Takes bytes of the answer.
    pub fn bytes(&self, bytes: usize) -> Result<(), AppError> {
        let most = self.limits.answer_bytes;
        if take(&self.bytes, bytes) <= most {
            return Ok(());
        }
        let message = format!("The answer has more than {most} bytes; ask for fewer rows or fields");
        Err(AppError::new(ErrorCode::LimitExceeded, message))
    }

    /// Takes the bytes of a value and its response key, without those of the objects in it, which are taken when they are made. Lets other
    /// requests have their turn now and then.
    pub async fn value(&self, key: &str, value: &Value) -> Result<(), AppError> {
        self.bytes(key.len() + leaf_bytes(value))?;
        if self.values.fetch_add(1, Ordering::Relaxed).is_multiple_of(VALUES_A_TURN) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

fn take(counter: &AtomicUsize, amount: usize) -> usize {
    counter.fetch_add(amount, Ordering::Relaxed).saturating_add(amount)
}

/// The budget of the request under way.
pub fn of<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Arc<Budget>> {
    ctx.data::<Arc<Budget>>()
}

/// A stream that has begun, and each of whose items has the whole budget anew.
pub fn renewed<S: Stream>(ctx: &Context<'_>, items: S) -> async_graphql::Result<impl Stream<Item = S::Item> + use<S>> {
    let budget = Arc::clone(of(ctx)?);
    budget.has_begun.store(true, Ordering::Relaxed);
    Ok(items.inspect(move |_| budget.renew()))
}

/// The services, for a read of so many statements at most.
pub fn read<'c>(ctx: &Context<'c>, statements: usize) -> async_graphql::Result<&'c Services> {
    of(ctx)?.statements(statements)?;
    Ok(ctx.data::<Arc<Services>>()?)
}

/// The orders as this request reads them, for a read of so many statements at most.
pub fn orders<'c>(ctx: &Context<'c>, statements: usize) -> async_graphql::Result<&'c Orders> {
    of(ctx)?.statements(statements)?;
    ctx.data::<Orders>()
}

/// The refusal of a request whose points are used up.
pub fn too_dear(most: usize) -> AppError {
    let message = format!(
        "The request costs more than {most} points; ask for fewer rows or fields (extensions.cost of an answer says \
         what it cost)"
    );
    AppError::new(ErrorCode::LimitExceeded, message)
}

/// What of a value is text in the answer by itself: about its length, with what stands around it.
fn leaf_bytes(value: &Value) -> usize {
    const AROUND: usize = 16;
    AROUND
        + match value {
            Value::String(text) => text.len(),
            Value::Binary(text) => text.len(),
            Value::List(items) => items.iter().map(leaf_bytes).sum(),
            _ => 0,
        }
}

/// Takes the bytes of every value that async-graphql resolves by itself.
pub struct Meter;

impl ExtensionFactory for Meter {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Meter {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let (pos, key) = (info.field.name.pos, info.alias.unwrap_or(info.name).to_owned());
        let value = next.run(ctx, info).await?;
        if let (Some(value), Some(budget)) = (&value, ctx.data_opt::<Arc<Budget>>()) {
            budget
                .value(&key, value)
                .await
                .map_err(|error| async_graphql::Error::from(error).into_server_error(pos))?;
        }
        Ok(value)
    }
}
