//! How documents are run: read, held to the limits, validated, normalised, priced, executed, and their answers put in order.
//! What async-graphql leaves to its users, or does otherwise than the specification says.

mod api;
mod arguments;
mod arrange;
mod authenticating;
mod checker;
mod coercion;
mod escapes;
mod faults;
mod input_value;
mod introspection;
mod known;
mod lexical;
mod limits;
mod normal;
mod nulls;
mod persisted;
mod prepared;
mod read;
mod scalar_values;
mod selected;
mod settled;
mod shape;
mod valid;
mod validation;
mod weight;

pub use api::Api;
pub use authenticating::only_authenticates;
pub use persisted::{EXTENSION as PERSISTED_QUERY, name_persisted_query};
pub use prepared::{PreparedOperation, Sender};
pub use read::Read;
pub use shape::{Content, Member, Shape};
