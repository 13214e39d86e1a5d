use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::{Context, Enum, Object, Result, SimpleObject};

use super::loaders::Loaders;
use super::reader::Reader;
use super::sales_order_change::SalesOrderRequestedChange;
use super::sales_order_receipt::SalesOrderReceipt;
use crate::domain::order_change::OrderChange;

use crate::domain::order_request::{self, CancelledLine, OrderRequest};
use crate::graphql::cost::points::LINES_PER_ORDER;
use crate::graphql::output::scalars::DateTime;
use crate::graphql::output::written::{Plain, Plan, Step, optional_text, text, value};

pub struct SalesOrderRequestDetails {
    request: OrderRequest,
    reader: Arc<Reader>,
    /// Whether the reader may see what the sender of the order wrote into it.
    shows_content: bool,
}

impl SalesOrderRequestDetails {
    /// A request of an order that the reader may read, or of which it may not see what its sender sent.
    pub fn new(request: OrderRequest, reader: &Arc<Reader>, shows_content: bool) -> Self {
        Self { request, reader: Arc::clone(reader), shows_content }
    }

    /// A request of the reader itself.
    pub fn own(request: OrderRequest, reader: &Arc<Reader>) -> Self {
        Self::new(request, reader, true)
    }
}

/// What is asked to be done with an order.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order_request::RequestKind")]
pub enum SalesOrderRequestKind {
    /// The order, or quantities of its lines, are to be cancelled.
    Cancellation,
    /// The order is to be changed: address, day, quantities, or which lines it has.
    Change,
}

/// State of a request.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order_request::RequestState")]
pub enum SalesOrderRequestState {
    /// It waits for its answer.
    Pending,
    /// It was done, as far as the goods had not left.
    Accepted,
    /// It was not done.
    Rejected,
    /// What it asks for has left meanwhile, or will not be supplied. It was not done.
    Superseded,
}

/// Reason why an order is to be cancelled or changed.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order_request::CancellationReason")]
pub enum SalesOrderCancellationReason {
    /// The customer does not want it any more.
    CustomerRequest,
    /// It was ordered by mistake.
    OrderedByMistake,
    /// It was ordered twice.
    DuplicateOrder,
    /// Its product, quantity, price or address is wrong.
    WrongData,
    /// It comes too late.
    TooLate,
    /// Another reason.
    Other,
}

/// Reason why a request was rejected.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order_request::RefusalReason")]
pub enum SalesOrderRefusalReason {
    /// The goods are being packed.
    InPreparation,
    /// The goods have left, or are about to.
    AlreadyShipped,
    /// The goods are made for this order.
    MadeToOrder,
    /// What was agreed does not allow it.
    NotAgreed,
    /// Another reason.
    Other,
}

/// Answer to a request.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order_request::Decision")]
pub enum SalesOrderRequestDecision {
    /// It is done, as far as the goods have not left.
    Accept,
    /// It is not done.
    Reject,
}

/// How much of a line is to be cancelled.
#[derive(SimpleObject)]
pub struct SalesOrderRequestLine {
    /// Number of the line in the order, from 1.
    line_no: i32,
    /// Quantity that is to be cancelled in all, with what is cancelled already, such as `1`.
    cancelled_quantity: i32,
}

/// What the sender of an order asked to be done with it, and what became of that.
#[Object]
impl SalesOrderRequestDetails {
    /// Number of the request, such as `RQ-0000000007`.
    async fn request_number(&self) -> String {
        self.request.number.to_string()
    }

    /// What is asked for.
    async fn kind(&self) -> SalesOrderRequestKind {
        self.request.asked.kind().into()
    }

    /// State of the request.
    async fn state(&self) -> SalesOrderRequestState {
        self.request.state.into()
    }

    /// Reason why it is asked for.
    async fn reason(&self) -> SalesOrderCancellationReason {
        self.request.reason.into()
    }

    /// Note of the sender; null when there is none.
    async fn note(&self) -> Option<&str> {
        self.request.note.as_deref()
    }

    /// Lines that are to be cancelled, sorted by their numbers; null when it is the whole order, and of a change.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn lines(&self) -> Option<Vec<SalesOrderRequestLine>> {
        let line =
            |line: &CancelledLine| SalesOrderRequestLine { line_no: line.line_no, cancelled_quantity: line.cancelled };
        self.request.asked.cancelled_lines().map(|lines| lines.iter().map(line).collect())
    }

    /// What is to be changed; null of a cancellation, and of another client's order without scope `orders:read`.
    async fn change(&self) -> Option<SalesOrderRequestedChange> {
        let change = self.request.asked.change().filter(|_| self.shows_content)?;
        Some(SalesOrderRequestedChange(change.clone()))
    }

    /// Time at which the request came.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.request.requested_at)
    }

    /// Reason why it was rejected; null unless it was.
    async fn answer_reason(&self) -> Option<SalesOrderRefusalReason> {
        self.request.answer.as_ref()?.reason.map(Into::into)
    }

    /// Note of those who answered; null when there is none.
    async fn answer_note(&self) -> Option<&str> {
        self.request.answer.as_ref()?.note.as_deref()
    }

    /// Time at which it was answered, or settled by itself; null while it is pending.
    async fn answered_at(&self) -> Option<DateTime> {
        self.request.answer.as_ref().map(|answer| DateTime(answer.at))
    }

    /// Signed text and signature of the request; null of one that was taken before receipts of requests were kept. Needs scope
    /// `orders:read`.
    #[graphql(complexity = "2 + child_complexity")]
    async fn receipt(&self, ctx: &Context<'_>) -> Result<Option<SalesOrderReceipt>> {
        self.reader.ensure_reads_all()?;
        let receipt = ctx.data::<Loaders>()?.request_receipts.load_one(self.request.number).await?;
        Ok(receipt.map(SalesOrderReceipt::from))
    }
}

/// The same fields as text.
impl Plain for OrderRequest {
    const TYPE_NAME: &'static str = "SalesOrderRequestDetails";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "requestNumber" => value(|it| it.number.to_string()),
            "kind" => text(|it| it.asked.kind().as_str()),
            "state" => text(|it| it.state.as_str()),
            "reason" => text(|it| it.reason.as_str()),
            "note" => optional_text(|it| it.note.as_deref()),
            "lines" => {
                let plan = Plan::<CancelledLine>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_optional_list(it.asked.cancelled_lines(), out))
            }
            "change" => {
                let plan = Plan::<OrderChange>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_optional(it.asked.change(), out))
            }
            "requestedAt" => value(|it| DateTime(it.requested_at).to_string()),
            "answerReason" => value(|it| it.answer.as_ref().and_then(|answer| answer.reason)),
            "answerNote" => optional_text(|it| it.answer.as_ref().and_then(|answer| answer.note.as_deref())),
            "answeredAt" => value(|it| it.answer.as_ref().map(|answer| DateTime(answer.at).to_string())),
            _ => return None,
        })
    }
}

impl Plain for CancelledLine {
    const TYPE_NAME: &'static str = "SalesOrderRequestLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "lineNo" => value(|it| it.line_no),
            "cancelledQuantity" => value(|it| it.cancelled),
            _ => return None,
        })
    }
}
