//! Why connections end, in texts that never change.

/// It speaks nothing that is spoken here.
pub const OTHER_PROTOCOL: &str = "Subprotocol not acceptable: speak graphql-transport-ws";

/// It brought no `connection_init` in time.
pub const NO_INIT: &str = "Connection initialisation timeout";

/// It brought no valid token in time.
pub const NO_TOKEN: &str =
    "No valid token: connect again and send connection_init with {\"Authorization\": \"Bearer <token>\"}";

pub const STOPPING: &str = "The service is stopping; connect again";

pub const SECOND_INIT: &str = "Too many initialisation requests";

pub const UNAUTHORIZED: &str = "Unauthorized";

pub const NOT_UTF8: &str = "A text must be UTF-8";

/// All of them.
#[cfg(test)]
pub const ALL: [&str; 7] = [OTHER_PROTOCOL, NO_INIT, NO_TOKEN, STOPPING, SECOND_INIT, UNAUTHORIZED, NOT_UTF8];
