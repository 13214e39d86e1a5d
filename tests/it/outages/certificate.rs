//! The certificate by which the service knows its database is a file, and files go away.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{Answer, Database, Process, Remote, order, until};

/// Makes `key.pem`, and `cert.pem` for 127.0.0.1, which vouches for itself.
fn make_certificate(folder: &Path) {
    let settings = "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nCN = test\n\
                    [extensions]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical,CA:FALSE\n";
    std::fs::write(folder.join("openssl.cnf"), settings).unwrap();
    let request = "req -x509 -newkey rsa:2048 -nodes -days 2 -config openssl.cnf -keyout key.pem -out cert.pem";
    let made = Command::new("openssl").args(request.split(' ')).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Speaks TLS for the database's server; gives its address.
async fn tls_to(database: &Database) -> String {
    let folder = database.folder.path();
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = database.url.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let (server, acceptor) = (server.clone(), acceptor.clone());
            tokio::spawn(async move {
                // SSLRequest, and the leave to begin.
                let mut request = [0; 8];
                near.read_exact(&mut request).await?;
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                near.write_all(b"S").await?;
                let (mut near, mut far) = (acceptor.accept(near).await?, TcpStream::connect(server).await?);
                copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_deleted_under_a_running_service_is_named_and_used_again_when_it_is_back() {
    only_on!(Postgres);
    let database = Database::new().await;
    make_certificate(database.folder.path());
    let address = tls_to(&database).await;
    let (login, place) = database.url.rsplit_once('@').unwrap();
    let (_, name) = place.split_once('/').unwrap();
    let file = database.folder.path().join("root.pem");
    let write = || std::fs::copy(database.folder.path().join("cert.pem"), &file).unwrap();
    write();
    let url = format!("{login}@{address}/{name}?sslmode=verify-full&sslrootcert={}", file.display());
    let secret = Remote::register(&database, "partner").await;
    let service = Process::serve(database.folder.path(), &url, |command| {
        command.env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "2s");
    });
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let create = async |key: &str| partner.create(&partner.sign(), Some(key), &order()).await.unwrap();
    let is_away = |answer: &Answer| {
        answer.expect_problem(503, "DATABASE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some() && !answer.text.contains("root.pem"), "{}", answer.text);
    };
    let is_taken = async |key: &str| {
        let answer = create(key).await;
        if answer.status != 201 {
            is_away(&answer);
        }
        answer.status == 201
    };
    create("before").await.expect(201);

    std::fs::remove_file(&file).unwrap();
    // On the connections that there are.
    until("an order is taken", async || is_taken("without").await).await;
    let end = "SELECT count(*) FROM pg_stat_activity WHERE CASE WHEN datname = current_database()
                   AND application_name = 'sales-order-api' THEN pg_terminate_backend(pid) END";
    assert!(database.db_number(end).await > 0);
    for _ in 0..3 {
        is_away(&create("meanwhile").await);
    }
    until("the service is not ready", async || partner.get("/health/ready").await.status != 200).await;
    is_away(&partner.get("/health/ready").await);
    let cause = format!("the file of sslrootcert, {}, cannot be read: No such file", file.display());
    until("the cause is told", async || service.log().contains(&cause)).await;

    write();
    until("the order is taken", async || is_taken("meanwhile").await).await;
    until("the service is ready", async || partner.get("/health/ready").await.status == 200).await;
    until("the end is told", async || service.log().contains("the database can be reached again")).await;
    assert_eq!(database.whole_orders(2).await, 3);
    service.stop();
}
