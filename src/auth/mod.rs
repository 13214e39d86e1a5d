//! Who is calling, and is it true: secrets, tokens and signatures, checked without HTTP and without a database.
//!
//! What belongs here: pure verification; time and keys come in as arguments.
//! What does not: looking clients up (`service`), reading headers from a request (`wire::request`).
//! To add a check: a function that takes what it needs and gives an [`AppError`] naming what is wrong and the remedy.
//!
//! [`AppError`]: crate::error::AppError

pub mod admission;
pub mod credentials;
mod diagnosis;
pub mod encoding;
#[cfg(test)]
mod fixtures;
pub mod hint;
pub mod jwk;
pub mod minify;
mod mistakes;
pub mod pem;
pub mod private_key;
pub mod public_key;
mod recovery;
pub mod registered_key;
pub mod rejection;
pub mod secret;
pub mod signature;
pub mod string_to_sign;
pub mod timestamp;
pub mod token;
pub mod vault;
pub mod verified;
pub mod webhook_key;
pub mod webhook_signature;
pub mod webhook_verification;
