//! From the errors of libraries to the few classes that are told.

use std::error::Error;
use std::io;

use super::TargetUrl;
use super::outcome::of_status;
use super::resolver::NameFault;
use crate::domain::webhook::AttemptOutcome;

/// What must be known of the client to tell its faults from those of receivers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    /// Whether a proxy stands between.
    pub(super) is_proxied: bool,
    /// Whether no certificate at all is believed.
    pub(super) trusts_nobody: bool,
}

impl Route {
    /// The class of an answer. Who asks for a login at the proxy is the proxy, unless it cannot see the answer.
    pub(super) fn class_of_status(self, url: &TargetUrl, status: u16) -> AttemptOutcome {
        let is_proxys = self.is_proxied && url.url().scheme() == "http" && status == 407;
        if is_proxys { AttemptOutcome::Postponed } else { of_status(status) }
    }

    /// The class of a failure to get an answer.
    pub(super) fn class_of(self, error: &reqwest::Error) -> AttemptOutcome {
        let by_default = if error.is_timeout() {
            AttemptOutcome::Timeout
        } else if error.is_builder() {
            AttemptOutcome::Postponed
        } else {
            AttemptOutcome::Connection
        };
        let class = self.class_of_causes(error).unwrap_or(by_default);
        // What the proxy could not do and what it did not want to do look alike.
        let is_proxys = self.is_proxied
            && match class {
                AttemptOutcome::Dns | AttemptOutcome::ForbiddenTarget => true,
                AttemptOutcome::Tls => causes(error).any(is_tunnel),
                _ => error.is_connect(),
            };
        if is_proxys { AttemptOutcome::Postponed } else { class }
    }

    fn class_of_causes(self, error: &(dyn Error + 'static)) -> Option<AttemptOutcome> {
        causes(error).find_map(|cause| {
            if let Some(fault) = cause.downcast_ref() {
                return Some(match fault {
                    NameFault::NoAddress => AttemptOutcome::Dns,
                    NameFault::Forbidden => AttemptOutcome::ForbiddenTarget,
                    NameFault::NoResolver => AttemptOutcome::Postponed,
                });
            }
            if cause.is::<rustls::Error>() {
                return Some(if self.trusts_nobody { AttemptOutcome::Postponed } else { AttemptOutcome::Tls });
            }
            cause.downcast_ref::<io::Error>().is_some_and(is_exhaustion).then_some(AttemptOutcome::Postponed)
        })
    }
}

/// An error and what it wraps. What an [`io::Error`] holds is no source of it, so it is taken out.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        held.map(|held| held as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// Whether the machine has no file descriptor or no memory left for a connection. That it has no route may be due to the
/// receiver, which has an address of a family that is not spoken here.
fn is_exhaustion(error: &io::Error) -> bool {
    let ours = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|code| ours.contains(&code))
}

/// Whether an error came up while a proxy was asked for a connection. The type has no public name, its words are all there is.
fn is_tunnel(error: &(dyn Error + 'static)) -> bool {
    error.to_string().starts_with("tunnel error")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Route = Route { is_proxied: false, trusts_nobody: false };

    /// As the client wraps it.
    fn wrapped(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
        io::Error::other(io::Error::other(error))
    }

    #[test]
    fn a_machine_without_room_for_a_connection_is_at_fault_itself() {
        for (code, expected) in [
            (libc::EMFILE, Some(AttemptOutcome::Postponed)),
            (libc::ENFILE, Some(AttemptOutcome::Postponed)),
            (libc::ENOBUFS, Some(AttemptOutcome::Postponed)),
            (libc::ENOMEM, Some(AttemptOutcome::Postponed)),
            (libc::ECONNREFUSED, None),
            (libc::ENETUNREACH, None),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(DIRECT.class_of_causes(&wrapped(error)), expected, "{code}");
        }
    }

    #[test]
    fn a_machine_that_knows_no_authority_is_at_fault_when_it_believes_no_certificate() {
        let error = wrapped(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer));
        assert_eq!(DIRECT.class_of_causes(&error), Some(AttemptOutcome::Tls));
        assert_eq!(Route { trusts_nobody: true, ..DIRECT }.class_of_causes(&error), Some(AttemptOutcome::Postponed));
    }
}
