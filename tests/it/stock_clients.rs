//! Stock tools and clients, as their users install them: they read what the service publishes, and their clients make signed
//! orders without a line of theirs being changed. `docs/compatibility.md` lists them.
//!
//! What belongs here: one test for each tool. Its program is in `tests/node/stock` or `tests/python`; the version is locked beside
//! it. What reads documents, and what is the same on every database, runs once: on SQLite.

mod graphql;
mod listed;
mod rest;
mod stage;
