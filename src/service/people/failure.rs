//! Why somebody is not signed in, in sentences for them. Nothing in these comes from the provider but the names of groups.

use crate::error::AppError;

/// Why a sign-in came to nothing.
#[derive(Debug)]
pub enum SignInFailure {
    /// The browser began no such sign-in, or too long ago.
    Lost,
    /// The provider let the person not through, or the person turned back.
    Denied,
    /// The provider cannot be reached, or takes too long.
    Away,
    /// What the provider says is not to be believed.
    Untrusted,
    /// None of the person's groups may do anything here.
    NoGroup(Vec<String>),
    /// The person was disabled here.
    Disabled,
    /// Something of ours failed, or there are too many attempts.
    Ours(AppError),
}

impl From<AppError> for SignInFailure {
    fn from(error: AppError) -> Self {
        Self::Ours(error)
    }
}

impl SignInFailure {
    /// The status of the page.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Lost => 400,
            Self::Denied | Self::NoGroup(_) | Self::Disabled => 403,
            Self::Untrusted => 502,
            Self::Away => 503,
            Self::Ours(error) => error.code.status(),
        }
    }

    /// What is wrong and what to do. It is plain text.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Lost => {
                "This sign-in was begun in another browser, was finished before, or took more than 10 minutes. Sign in again."
            }
            Self::Denied => "The sign-in was not finished there: it was refused or broken off. Sign in again.",
            Self::Away => "The service where you sign in does not answer now. Try again shortly.",
            Self::Untrusted => {
                "The answer of the service where you sign in cannot be trusted, so it was not taken. Sign in again; if that does \
                 not help, tell the operator."
            }
            Self::NoGroup(groups) if groups.is_empty() => {
                "You are in no group, and only who is in a group may come in here. Ask the operator of this service."
            }
            Self::NoGroup(groups) => {
                return format!(
                    "None of your groups may come in here. Ask the operator of this service to let one of them in: {}.",
                    groups.join(", ")
                );
            }
            Self::Disabled => "You were disabled here. An operator can enable you again.",
            Self::Ours(error) => return error.message.to_string(),
        }
        .to_owned()
    }
}
