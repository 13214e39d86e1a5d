//! What it takes to use an operation.

use super::caller::Principal;
use crate::domain::permission::Permission;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::AppError;

/// What an operation needs of its caller. [`super::Caller::admit`] asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is open to everybody.
    Nothing,
    /// A client secret in the input, and no bearer token: the operation gives one.
    ClientSecret,
    /// A token in the input, which may have expired.
    InputToken,
    /// A valid bearer token of an active client.
    Token,
    /// The same, and this scope.
    Scope(Permission),
    /// A valid bearer token of an active client. The operation reports on the signature of its own request, so a wrong
    /// one is not refused.
    SignatureReport,
    /// A valid bearer token of an active client, a true signature of the request, and this scope.
    Signature(Permission),
    /// The same with a signature that binds the body, whatever the client's policy.
    BoundSignature(Permission),
    /// A valid bearer token of an active client, and this scope or else a true signature that binds the body.
    SignatureUnless(Permission),
}

impl Needs {
    /// The scope, where one is needed.
    #[must_use]
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Scope(permission) | Self::Signature(permission) | Self::BoundSignature(permission) => {
                Some(permission)
            }
            Self::Nothing
            | Self::ClientSecret
            | Self::InputToken
            | Self::Token
            | Self::SignatureReport
            | Self::SignatureUnless(_) => None,
        }
    }

    /// Which signatures are asked of a client with this policy. What binds the body binds each key in it, so a text that has a key of its
    /// own is asked of nobody there.
    #[must_use]
    pub const fn signature_policy(self, of_client: SignaturePolicy) -> SignaturePolicy {
        match self {
            Self::BoundSignature(_) | Self::SignatureUnless(_) => SignaturePolicy::BodyBound,
            _ => of_client,
        }
    }

    /// Whether the signature headers of the request are read.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::SignatureReport | Self::Signature(_) | Self::BoundSignature(_) | Self::SignatureUnless(_))
    }

    /// Whether the input holds what proves who calls: it must be heard from callers who have no valid token any more.
    #[must_use]
    pub const fn authenticates(self) -> bool {
        matches!(self, Self::ClientSecret | Self::InputToken)
    }

    /// Refuses a client that does not have the scope.
    pub(super) fn ensure_scope(self, principal: &Principal) -> Result<(), AppError> {
        self.permission().map_or(Ok(()), |permission| principal.ensure(permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn a_session_that_lost_the_scope_no_longer_has_what_its_operation_needs() {
        let mut principal = Principal::operator();
        for needs in [Needs::Scope(Permission::OrdersRead), Needs::Signature(Permission::OrdersRead), Needs::Token] {
            assert!(needs.ensure_scope(&principal).is_ok(), "{needs:?}");
        }
        principal.permissions.clear();
        for needs in [Needs::Scope(Permission::OrdersRead), Needs::Signature(Permission::OrdersRead)] {
            let refusal = needs.ensure_scope(&principal).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InsufficientScope, "{needs:?}");
        }
        assert!(Needs::Token.ensure_scope(&principal).is_ok());
    }
}
