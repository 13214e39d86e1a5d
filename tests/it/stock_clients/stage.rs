//! A running service with a partner who signs and a dashboard, and the programs that talk to it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Database, PATIENCE, Process, command};

pub struct Stage {
    /// Dropped, and so killed, before the database goes away.
    pub service: Process,
    database: Database,
    secrets: [String; 2],
}

const PARTNER: &str = "versuni-client-001";
const DASHBOARD: &str = "dashboard-001";

impl Stage {
    pub async fn new() -> Self {
        let database = Database::new().await;
        let folder = database.folder.path();
        let openssl = |args: &[&str]| {
            let output = Command::new("openssl").args(args).current_dir(folder).output().unwrap();
            assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "private.pem"]);
        openssl(&["pkey", "-in", "private.pem", "-pubout", "-out", "public.pem"]);
        let create = |client_id: &str, scope: &[&str]| {
            let output = command(folder)
                .args(["client", "create", "--json", "--database-url", &database.url])
                .args(["--client-id", client_id, "--name", "A client", "--scope"])
                .args(scope)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let created: Value = serde_json::from_slice(&output.stdout).unwrap();
            created["client_secret"].as_str().unwrap().to_owned()
        };
        let secrets =
            [create(PARTNER, &["orders:create", "--public-key", "public.pem"]), create(DASHBOARD, &["orders:read"])];
        let service = Process::serve(folder, &database.url, |_| {});
        // The programs beside what their tools generate for them.
        let (stock, python) = (folder.join("node"), folder.join("python"));
        copy(&repository("tests/node/stock"), &stock);
        copy(&repository("tests/python"), &python);
        fs::write(stock.join("package.json"), r#"{"type": "module"}"#).unwrap();
        fs::copy(repository("schema.graphql"), stock.join("schema.graphql")).unwrap();
        fs::create_dir_all(stock.join("generated/relay")).unwrap();
        symlink(repository("tests/node/node_modules"), stock.join("node_modules")).unwrap();
        Self { service, database, secrets }
    }

    /// Where the service publishes its description.
    pub fn document(&self) -> String {
        format!("{}/api/v1/openapi.json", self.service.base)
    }

    /// A command where the programs are: with nothing of the machine's but its programs, and what a client must know.
    pub fn command(&self, program: impl AsRef<OsStr>, beside: &str) -> Command {
        let folder = self.database.folder.path();
        #[expect(clippy::disallowed_methods, reason = "what a child process needs to find its programs")]
        let path = std::env::var("PATH").unwrap_or_default();
        let [partner, dashboard] = &self.secrets;
        let mut command = Command::new(program);
        command
            .current_dir(folder.join(beside))
            .env_clear()
            .env("PATH", format!("{}:{path}", repository("tests/python/.venv/bin").display()))
            .env("HOME", folder)
            .env("NO_COLOR", "1")
            // Some tools would tell their makers that they are used.
            .env("DO_NOT_TRACK", "1")
            .env("REDOCLY_TELEMETRY", "off")
            .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
            .env("DEADLINE_SECONDS", PATIENCE.as_secs().to_string())
            .env("BASE_URL", &self.service.base)
            .env("DOCUMENT", self.document())
            .env("CLIENT_ID", PARTNER)
            .env("CLIENT_SECRET", partner)
            .env("DASHBOARD_ID", DASHBOARD)
            .env("DASHBOARD_SECRET", dashboard)
            .env("PRIVATE_KEY", folder.join("private.pem"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a program with Node.
    pub async fn node(&self, program: &str) {
        let mut node = self.command("node", "node");
        node.arg(program);
        finish(node).await;
    }

    /// Compiles a program as strictly as TypeScript can, with what was generated for it, and runs it.
    pub async fn typescript(&self, program: &str) {
        let strict =
            "--target es2022 --module nodenext --strict --skipLibCheck --types node --rootDir . --outDir built";
        let file = format!("{program}.ts");
        self.tool("tsc", &[file.as_str()].into_iter().chain(strict.split(' ')).collect::<Vec<_>>()).await;
        let folder = self.database.folder.path().join("node");
        fs::copy(folder.join("stage.mjs"), folder.join("built/stage.mjs")).unwrap();
        self.node(&format!("built/{program}.js")).await;
    }

    /// Runs a tool that npm installed, beside the programs.
    pub async fn tool(&self, name: &str, args: &[&str]) {
        let mut tool = self.command(tool(name), "node");
        tool.args(args);
        finish(tool).await;
    }

    /// Runs a program of the suite's own Python.
    pub async fn python(&self, program: &str, args: &[&str]) {
        let mut python = self.command(python(program), "python");
        python.args(args);
        finish(python).await;
    }
}

/// Runs a command, which must succeed.
pub async fn finish(mut command: Command) {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = started.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {}\n{out}{err}", command.get_program().display(), output.status);
}

/// A tool that npm installed.
pub fn tool(name: &str) -> PathBuf {
    repository("tests/node/node_modules/.bin").join(name)
}

/// A program of the suite's own Python.
pub fn python(program: &str) -> PathBuf {
    let program = repository("tests/python/.venv/bin").join(program);
    assert!(program.exists(), "{} is missing: run scripts/python.sh", program.display());
    program
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Copies the files of a folder, without what is below it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}
