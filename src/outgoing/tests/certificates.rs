//! Whose certificates are believed.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::outgoing::OutgoingError;

/// An authority that no system knows.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A receiver with a certificate for these names and addresses.
    pub(super) async fn receiver(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Receiver {
        let mut params = certificate_for(names);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        receiver(certificate.der().clone(), &key).await
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A sender that believes it.
    fn sender(&self) -> Outgoing {
        let settings = OutgoingSettings { extra_roots: self.0.pem(), ..settings(local()) };
        Outgoing::with_lookup(&settings, names(&[Ok(&["127.0.0.1"])])).unwrap()
    }
}

fn certificate_for(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

async fn receiver(certificate: CertificateDer<'static>, key: &KeyPair) -> Receiver {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Receiver::listening(listener, Some(TlsAcceptor::from(Arc::new(config))), answer_each(ok().into()))
}

fn url(host: &str, receiver: &Receiver) -> String {
    format!("https://{host}:{}/hook", receiver.address.port())
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_the_operator_named_is_believed_for_its_names() {
    let authority = Authority::new();
    let receiver = authority.receiver(&["hooks.example.com", "127.0.0.1"], |_| {}).await;
    let outgoing = authority.sender();
    for host in ["hooks.example.com", "HOOKS.example.com", "127.0.0.1", "hooks.example.com", "hooks.example.com."] {
        assert_eq!(class(&outgoing, &url(host, &receiver)).await, AttemptOutcome::Delivered, "{host}");
    }
    // Each spelling of the host has connections of its own.
    assert_eq!(receiver.connections(), 3);
    for host in ["other.example.com", "example.com"] {
        assert_eq!(class(&outgoing, &url(host, &receiver)).await, AttemptOutcome::Tls, "{host}");
    }
    assert_eq!(receiver.requests().len(), 5);
    let named = authority.receiver(&["hooks.example.com"], |_| {}).await;
    assert_eq!(class(&outgoing, &url("127.0.0.1", &named)).await, AttemptOutcome::Tls);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    let authority = Authority::new();
    let signed = authority.receiver(&["hooks.example.com"], |_| {}).await;
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_for(&["hooks.example.com"]).self_signed(&key).unwrap();
    let self_signed = receiver(certificate.der().clone(), &key).await;
    let stranger = Authority::new().sender();
    for receiver in [&signed, &self_signed] {
        let outcome = post(&stranger, &url("hooks.example.com", receiver)).await;
        assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Tls, None));
        assert_eq!((receiver.connections(), receiver.requests().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_not_believed() {
    let authority = Authority::new();
    let outgoing = authority.sender();
    for (from, until) in [(2020, 2021), (2090, 2091)] {
        let receiver = authority
            .receiver(&["hooks.example.com"], |params| {
                params.not_before = date_time_ymd(from, 1, 1);
                params.not_after = date_time_ymd(until, 1, 1);
            })
            .await;
        assert_eq!(class(&outgoing, &url("hooks.example.com", &receiver)).await, AttemptOutcome::Tls, "{from}");
    }
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_or_falls_silent_in_the_middle_of_it_is_told_apart() {
    let plain = Receiver::new(|mut connection| async move {
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        connection.request().await;
    })
    .await;
    assert_eq!(class(&Authority::new().sender(), &url("127.0.0.1", &plain)).await, AttemptOutcome::Tls);
    let silent = Receiver::silent().await;
    let hurried = OutgoingSettings { connect_timeout: SHORT, ..settings(local()) };
    let outcome = post(&Outgoing::new(&hurried).unwrap(), &url("127.0.0.1", &silent)).await;
    assert_eq!(outcome.class, AttemptOutcome::Timeout);
    assert!(outcome.duration >= SHORT && outcome.duration < PATIENCE, "{:?}", outcome.duration);
}

#[test]
fn a_file_of_authorities_that_holds_none_is_refused_by_its_setting() {
    for text in ["nonsense", "\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings = OutgoingSettings { extra_roots: text.to_owned(), ..settings(local()) };
        let error = Outgoing::new(&settings).unwrap_err();
        assert!(matches!(error, OutgoingError::Roots(_)), "{text:?}");
        assert!(error.to_string().starts_with("webhooks.extra_roots_file "), "{error}");
    }
}
