//! What partners ask to be done with their orders, and how staff answer.

use sha2::{Digest as _, Sha256};

use super::{Lifecycle, changed_since, not_found};
use crate::domain::fulfilment::next_statuses;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::order_request::{MAX_REQUESTS, OrderRequest, RequestAnswerInput, RequestInput};
use crate::domain::permission::Scope;
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};
use crate::service::caller::{Caller, Principal};
use crate::store::{NewReceipt, RequestAnswered, RequestKey, Requested, StoreError, TakenRequest};
use crate::telemetry;

impl Lifecycle {
    /// Cancels or changes the caller's own order, or asks staff to. The same request again, under its key or as the same signed text,
    /// changes nothing; nor does one that asks for what is cancelled or asked for already.
    pub async fn ask(&self, caller: &Caller, number: &str, input: RequestInput) -> Result<TakenRequest, AppError> {
        let number: OrderNumber = number.parse().map_err(|_| not_found())?;
        telemetry::note(|facts| facts.exchange.order = Some(number));
        let key = self.request_key(caller, input.digest(number)).await?;
        let scope = Scope::Client(key.client_id.clone());
        let take = || self.store.insert_request(&scope, number, input.clone(), key.clone(), self.clock.now());
        let outcome = match take().await {
            // Another one took the key meanwhile, for another order.
            Err(StoreError::Duplicate(_)) => take().await?,
            outcome => outcome?,
        };
        let settled = settle(number, self.found(&scope, number, outcome).await?);
        telemetry::note(|facts| facts.exchange.is_key_used = settled.is_ok());
        settled
    }

    /// What makes a request with this digest this one.
    async fn request_key(&self, caller: &Caller, digest: String) -> Result<RequestKey, AppError> {
        let (client_id, signature) = (caller.admitted()?.client_id().clone(), caller.verified_signature()?);
        let signed_text = hex::encode(Sha256::digest(&signature.string_to_sign));
        // The prefixes keep the two kinds of key apart: a partner cannot pick one that we derive.
        let idempotency_key = match caller.credentials.idempotency_key()? {
            Some(key) => format!("key:{key}"),
            None => format!("sig:{signed_text}"),
        };
        let key_use_is_due = self.directory.is_key_use_due(&client_id, &signature.fingerprint, signature.form).await;
        let receipt = NewReceipt::of(&signature);
        Ok(RequestKey { client_id, idempotency_key, signed_text, digest, receipt, key_use_is_due })
    }

    /// Answers a request of any client's order. To say the same again changes nothing; to say otherwise is a conflict.
    pub async fn answer_request(
        &self,
        principal: &Principal,
        input: RequestAnswerInput,
    ) -> Result<SalesOrder, AppError> {
        let number: OrderNumber = input.order_number.parse().map_err(|_| not_found())?;
        let no_request = || AppError::new(ErrorCode::NotFound, format!("{number} has no request with this number"));
        let id = input.request_number.parse().map_err(|_| no_request())?;
        let (actor, now) = (principal.client_id().clone(), self.clock.now());
        let outcome = self.store.update_request_answered(&Scope::All, number, (id, input), actor, now).await?;
        match self.found(&Scope::All, number, outcome).await? {
            RequestAnswered::Done(order) => Ok(*order),
            RequestAnswered::Stale(order) => Err(changed_since(&order, next_statuses(order.status, false))),
            RequestAnswered::Closed(request) => {
                let message = format!(
                    "{} of {number} is {} since {}, which is final; read the order again",
                    request.number,
                    request.state,
                    request.answer.as_ref().map_or(request.requested_at, |answer| answer.at).to_rfc3339()
                );
                Err(about(AppError::new(ErrorCode::Conflict, message), number, &request))
            }
            RequestAnswered::NoRequest => Err(no_request()),
        }
    }
}

/// The order and the request as they are now, or why there is none.
fn settle(number: OrderNumber, outcome: Requested) -> Result<TakenRequest, AppError> {
    let conflict = |message: String| AppError::new(ErrorCode::Conflict, message);
    Err(match outcome {
        Requested::Taken(taken) => return Ok(*taken),
        Requested::Pending(pending) => {
            let message = format!(
                "{} of {number} is pending, and an order has one pending request at a time; wait until it is answered",
                pending.number
            );
            return Err(about(conflict(message), number, &pending));
        }
        Requested::KeyReused(order, id) => {
            let message = format!(
                "This Idempotency-Key was used for another request, {id} of {order}; use a new key for a new request"
            );
            let refusal = AppError::new(ErrorCode::IdempotencyKeyReused, message);
            return Err(refusal.detail("order_number", order.to_string()).detail("request_number", id.to_string()));
        }
        Requested::Refused(refused) if !refused.is_conflict => return Err(AppError::invalid(refused.errors)),
        Requested::Refused(refused) => {
            let first = refused.errors.first().map_or_else(String::new, |it| format!("{} {}", it.pointer, it.message));
            conflict(format!("The lines of {number} do not allow it as they are now: {first}"))
                .with_errors(refused.errors)
        }
        Requested::Gone(order) => {
            let message =
                format!("Nothing of {number} is left that could be cancelled or changed: it is {}", order.status);
            conflict(message).detail("current_status", order.status.as_str()).detail("current_version", order.version)
        }
        Requested::Stale(order) => {
            let message = format!("{number} is at version {} by now; read it again and decide anew", order.version);
            conflict(message).detail("current_status", order.status.as_str()).detail("current_version", order.version)
        }
        Requested::Unchanged => {
            let message = "changes nothing: the order is so already".to_owned();
            AppError::invalid(vec![FieldError { pointer: String::new(), code: FieldErrorCode::Value, message }])
        }
        Requested::Full => {
            conflict(format!("{number} has as many requests as an order may have: {MAX_REQUESTS}; speak to us"))
        }
    }
    .detail("order_number", number.to_string()))
}

fn about(refusal: AppError, number: OrderNumber, request: &OrderRequest) -> AppError {
    refusal
        .detail("order_number", number.to_string())
        .detail("request_number", request.number.to_string())
        .detail("request_state", request.state.as_str())
}
