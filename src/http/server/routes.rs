//! What answers the requests of a server.

use std::sync::{Arc, OnceLock};

use axum::Router;

/// A router that may be replaced while the server runs, also for connections that are open already.
#[derive(Debug, Clone)]
pub struct Routes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    first: Router,
    then: OnceLock<Router>,
}

impl From<Router> for Routes {
    fn from(first: Router) -> Self {
        Self(Arc::new(Inner { first, then: OnceLock::new() }))
    }
}

impl Routes {
    /// Has every request that comes from here on answered by another router. It happens once.
    pub fn hand_over(&self, router: Router) {
        let _ = self.0.then.set(router);
    }

    /// What answers a request that comes now.
    pub(super) fn now(&self) -> Router {
        self.0.then.get().unwrap_or(&self.0.first).clone()
    }
}
