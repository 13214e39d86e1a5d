//! A proxy of one test's own, with the text that `docs/operations.md` shows.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{installed, set_deadline, until};

/// What can stand in front of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    /// With nothing but `proxy_pass`.
    BareNginx,
    HaProxy,
    Caddy,
    /// As documented, and by HTTP/2 to the service.
    HaProxyByHttp2,
    /// Which passes on no WebSocket then.
    CaddyByHttp2,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Nginx, Self::BareNginx, Self::HaProxy, Self::Caddy, Self::HaProxyByHttp2, Self::CaddyByHttp2];
    /// Those whose settings are documented.
    pub const DOCUMENTED: [Self; 5] =
        [Self::Nginx, Self::HaProxy, Self::Caddy, Self::HaProxyByHttp2, Self::CaddyByHttp2];

    fn program(self) -> &'static str {
        match self {
            Self::Nginx | Self::BareNginx => "nginx",
            Self::HaProxy | Self::HaProxyByHttp2 => "haproxy",
            Self::Caddy | Self::CaddyByHttp2 => "caddy",
        }
    }

    /// The documented settings, for this address of its own and these of the service.
    fn settings(self, address: &str, services: [&str; 2]) -> String {
        let replaced = |text: String, from: &str, to: &str| {
            assert!(text.contains(from), "{from} in {text}");
            text.replace(from, to)
        };
        let text = match self {
            Self::BareNginx => {
                return format!("server {{ listen {address}; location / {{ proxy_pass http://{}; }} }}", services[0]);
            }
            _ => documented(self.program()),
        };
        let text = match self {
            Self::HaProxyByHttp2 => replaced(text, ":8080", ":8080 proto h2 ws h1"),
            Self::CaddyByHttp2 => replaced(text, "10.0.0.", "h2c://10.0.0."),
            _ => text,
        };
        let text = replaced(replaced(text, "10.0.0.10:8080", services[0]), "10.0.0.11:8080", services[1]);
        match self {
            Self::Nginx | Self::BareNginx => replaced(text, "listen 80;", &format!("listen {address};")),
            Self::HaProxy | Self::HaProxyByHttp2 => replaced(text, "bind :80", &format!("bind {address}")),
            Self::Caddy | Self::CaddyByHttp2 => {
                let port = address.rsplit_once(':').unwrap().1;
                let host = address.split_once(':').unwrap().0;
                replaced(text, ":80 {\n", &format!("http://:{port} {{\n  bind {host}\n"))
            }
        }
    }

    /// What a test's own process needs besides: no files of the system's, no other process.
    fn file(self, folder: &Path, settings: &str) -> String {
        let path = folder.display();
        match self {
            Self::Nginx | Self::BareNginx => {
                let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let folders: String = kinds.map(|kind| format!("{kind}_temp_path {path}/{kind};\n")).concat();
                format!(
                    "daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log stderr;\nevents {{}}\n\
                     http {{\naccess_log off;\n{folders}{settings}\n}}\n"
                )
            }
            Self::HaProxy | Self::HaProxyByHttp2 => format!("{settings}\n"),
            Self::Caddy | Self::CaddyByHttp2 => {
                format!("{{\n  admin off\n  auto_https off\n  storage file_system {path}\n}}\n{settings}")
            }
        }
    }

    fn arguments(self, file: &str) -> Vec<&str> {
        match self {
            Self::Nginx | Self::BareNginx => vec!["-e", "stderr", "-c", file],
            Self::HaProxy | Self::HaProxyByHttp2 => vec!["-db", "-f", file],
            Self::Caddy | Self::CaddyByHttp2 => vec!["run", "--config", file, "--adapter", "caddyfile"],
        }
    }
}

/// The block of this language in the documentation.
pub fn documented(language: &str) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let begin = format!("```{language}\n");
    let mut blocks = text.split(&begin).skip(1);
    let block = blocks.next().unwrap_or_else(|| panic!("docs/operations.md has no example for {language}"));
    assert!(blocks.next().is_none(), "one example of {language} is enough");
    block.split_once("```").unwrap().0.to_owned()
}

/// A running proxy, killed with this value.
pub struct Proxy {
    child: Child,
    folder: TempDir,
    /// Where it listens, such as `http://127.64.1.2:20001`.
    pub base: String,
}

impl Proxy {
    /// In front of two addresses of the service; none, and a word about it, where the program is missing.
    pub async fn start(kind: Kind, services: [&str; 2]) -> Option<Self> {
        set_deadline();
        let program = installed(kind.program())?;
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let services = services.map(|base| base.trim_start_matches("http://"));
        let file = folder.path().join("settings");
        fs::write(&file, kind.file(folder.path(), &kind.settings(&address, services))).unwrap();
        let child = Command::new(program)
            .args(kind.arguments(file.to_str().unwrap()))
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut proxy = Self { child, folder, base: format!("http://{address}") };
        until("the proxy listens", async || {
            assert!(proxy.child.try_wait().unwrap().is_none(), "{}", proxy.log());
            TcpStream::connect(&address).await.is_ok()
        })
        .await;
        Some(proxy)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that no other process has: a proxy cannot be asked for any free port. Every process of this machine has one of
/// 127.0.0.0/8 to itself here, and the ports below those that the system gives out.
fn free_address() -> String {
    static PORT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 | high, middle, low);
    format!("{host}:{}", PORT.fetch_add(1, Ordering::SeqCst))
}
