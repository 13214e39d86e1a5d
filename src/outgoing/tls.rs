//! Whose certificates are believed: those of the system's authorities, and those of the operator's.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::OutgoingError;

/// Who vouches for receivers.
#[derive(Debug)]
pub(super) struct Trust {
    roots: RootCertStore,
}

impl Trust {
    /// The authorities of the system and these, in PEM. A system without any is no reason not to start: a service whose
    /// receivers have certificates of its own authority needs no other, nor does one without receivers.
    pub(super) fn with(extra_roots: &str) -> Result<Self, OutgoingError> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::debug!(%error, "authorities of the system cannot be read");
        }
        roots.add_parsable_certificates(system.certs);
        let extra = CertificateDer::pem_slice_iter(extra_roots.as_bytes()).collect::<Result<Vec<_>, _>>();
        let extra = extra.map_err(|error| OutgoingError::Roots(error.to_string()))?;
        if extra.is_empty() && !extra_roots.is_empty() {
            return Err(OutgoingError::Roots("there is no certificate in it".to_owned()));
        }
        for certificate in extra {
            roots.add(certificate).map_err(|error| OutgoingError::Roots(error.to_string()))?;
        }
        if roots.is_empty() {
            tracing::warn!("the system names no authority for certificates: no webhook can be sent by TLS");
        }
        Ok(Self { roots })
    }

    /// Whether no certificate at all would be believed, which is no receiver's fault.
    pub(super) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// How TLS is spoken. By HTTP/1.1: a connection that broke silently then costs one request, and not each that shares it.
    pub(super) fn client(self) -> Result<ClientConfig, OutgoingError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| OutgoingError::Client(error.to_string()))?;
        let mut config = builder.with_root_certificates(self.roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}
