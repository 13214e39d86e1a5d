//! What requests and their senders are counted for.

use std::net::IpAddr;
use std::num::NonZeroU32;

use super::Sessions;
use crate::auth::admission::Admission;
use crate::auth::credentials::Credentials;
use crate::domain::client::ClientId;
use crate::error::{AppError, ErrorCode};
use crate::service::caller::Principal;
use crate::service::rate_limit::UnderWay;

impl Sessions {
    /// Whether a bearer token is valid as far as memory can tell: signed by us, not expired, and not found ended before.
    #[must_use]
    pub fn is_token_valid(&self, token: &str) -> bool {
        let claims = self.keys.borrow().verify(token, self.clock.now());
        claims.is_ok_and(|claims| !self.is_ended(&claims))
    }

    /// The client of a valid token, as far as memory can tell.
    #[must_use]
    pub fn client_of_valid(&self, token: &str) -> Option<ClientId> {
        let claims = self.keys.borrow().verify(token, self.clock.now()).ok()?;
        if self.is_ended(&claims) { None } else { claims.sub.parse().ok() }
    }

    /// How a request with this bearer token, or without one, stands with the budget of its address.
    pub fn admit(&self, address: IpAddr, token: Option<&str>) -> Admission {
        match token {
            Some(token) if self.is_token_valid(token) => Admission::Uncounted,
            _ => self.rate_limit.admit(address),
        }
    }

    /// Gives a request back that was counted before it was known to be one that never counts.
    pub fn give_back(&self, address: IpAddr, admission: &Admission) {
        self.rate_limit.give_back(address, admission);
    }

    /// Takes the weight of some work from the budget that an address has for requests without a valid token.
    pub fn admit_anonymous(&self, address: IpAddr, weight: NonZeroU32) -> Result<(), AppError> {
        self.rate_limit.admit_anonymous(address, weight)
    }

    /// Takes what a request makes the service do, in requests, beyond the one that it was counted as; of one that is not
    /// counted, nothing.
    pub fn charge(&self, origin: &Credentials, requests: usize) -> Result<(), AppError> {
        let weight = NonZeroU32::new(u32::try_from(requests).unwrap_or(u32::MAX));
        match (&origin.admission, weight) {
            (Admission::Counted(_), Some(weight)) => self.admit_anonymous(origin.address, weight),
            _ => Ok(()),
        }
    }

    /// Waits before one more refusal is sent to an address that was sent many already: a flood is answered, and slowly.
    pub async fn pace_refusal(&self, address: IpAddr) {
        if let Some(pause) = self.rate_limit.refusal_pause(address) {
            tokio::time::sleep(pause.time).await;
        }
    }

    /// Notes that a client sends what it signed.
    pub fn note_true_signature(&self, client: &ClientId) {
        self.fairness.note_true(client);
    }

    /// Waits before one more wrong signature of a client is refused that sent many already, while others order.
    pub async fn pace_wrong_signature(&self, client: &ClientId) {
        self.fairness.pace_wrong(client).await;
    }

    /// Counts a request without a valid token for as long as it is under way.
    pub fn begin_anonymous(&self, address: IpAddr, may_prove_itself: bool) -> Result<Option<UnderWay>, AppError> {
        self.rate_limit.begin_anonymous(address, may_prove_itself)
    }

    /// Waits before one more request that never counts is answered, once its address has sent many of them.
    pub async fn pace_free(&self, address: IpAddr) {
        if let Some(pause) = self.rate_limit.free_pause(address) {
            tokio::time::sleep(pause.time).await;
        }
    }

    /// Counts a request whose token looked valid and was refused.
    pub fn refuse_token(&self, origin: &Credentials, refused: AppError) -> AppError {
        match &origin.admission {
            Admission::Uncounted if refused.code == ErrorCode::Unauthenticated => {
                self.admit_anonymous(origin.address, NonZeroU32::MIN).err().unwrap_or(refused)
            }
            _ => refused,
        }
    }

    /// Takes one piece of work for somebody without a token.
    pub fn admit_stranger(&self, address: IpAddr) -> Result<(), AppError> {
        self.rate_limit.admit_stranger(address)
    }

    /// Takes one request from the quota of a client who proved who it is.
    pub fn admit_request(&self, principal: &Principal) -> Result<(), AppError> {
        self.rate_limit.admit_request(principal.client_id().as_str())
    }

    /// Takes further requests from it, for what came in one; all of them, or none.
    pub fn admit_further_requests(&self, principal: &Principal, requests: usize) -> Result<(), AppError> {
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        self.rate_limit.admit_further_requests(principal.client_id().as_str(), requests)
    }
}
