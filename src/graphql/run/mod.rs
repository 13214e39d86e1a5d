//! How documents are run: read, held to the limits, validated, normalised, priced, executed, and their answers put in order.
//! What async-graphql leaves to its users, or does otherwise than the specification says.

mod api;
mod arrange;
mod authenticating;
mod checker;
mod faults;
mod introspection;
mod known;
mod lexical;
mod limits;
mod normal;
mod nulls;
mod prepared;
mod read;
mod selected;
mod shape;
mod valid;
mod validation;

pub use api::Api;
pub use authenticating::only_authenticates;
pub use prepared::{PreparedOperation, Sender};
pub use read::Read;
pub use shape::{Content, Member, Shape};
