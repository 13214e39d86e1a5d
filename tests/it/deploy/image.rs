//! The container image: what is in it, and that the service runs in it as in a container.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Database, JWT_SECRET, Process, Remote, installed, leave_out, on_postgres, or_left_out, order, set_deadline,
};

fn run(program: &str, change: impl FnOnce(&mut Command)) -> String {
    set_deadline();
    let mut command = Command::new(program);
    change(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Builds an image of the binary under test into a folder; none, and a word about it, where it cannot be built.
fn archive(folder: &Path) -> Option<PathBuf> {
    installed("umoci")?;
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("image-packages");
    let packages = or_left_out(packages.exists().then_some(packages), "folder of what the image holds")?;
    // As it is released: what a debugger needs would only take time.
    let binary = folder.join("stripped");
    run("strip", |command| {
        command.arg("-o").arg(&binary).arg(env!("CARGO_BIN_EXE_sales-order-api"));
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/image.sh");
    let printed = run(script, |command| {
        command.args([&binary, &packages, folder]).env("SOURCE_DATE_EPOCH", "1796000000");
    });
    Some(PathBuf::from(printed.trim_end()))
}

/// An image of the binary under test, unpacked.
struct Image {
    folder: TempDir,
    manifest: Value,
    config: Value,
}

impl Image {
    /// None, and a word about it, where it cannot be built.
    fn unpacked() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path())?;
        let layout = folder.path().join("layout");
        fs::create_dir(&layout).unwrap();
        run("tar", |command| {
            command.arg("-xf").arg(&archive).arg("-C").arg(&layout);
        });
        run("umoci", |command| {
            let image = format!("{}:{}", layout.display(), env!("CARGO_PKG_VERSION"));
            command.args(["unpack", "--rootless", "--image", &image]).arg(folder.path().join("unpacked"));
        });
        let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let blob = |of: &Value| layout.join("blobs").join(of["digest"].as_str().unwrap().replace(':', "/"));
        let manifest = read(&blob(&read(&layout.join("index.json"))["manifests"][0]));
        let config = read(&blob(&manifest["config"]));
        Some(Self { folder, manifest, config })
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("unpacked/rootfs")
    }

    fn names(&self, folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// What starts the image's entry point as a container does: with the user and the environment of the image and no file that is not
    /// in it, and nothing to write to but `data`, if that. None, and a word about it, where the machine does not let.
    fn contained(&self, data: &Path, access: &str) -> Option<Command> {
        let unshare = installed("unshare")?;
        let namespaces = ["--user", "--map-root-user", "--mount"];
        let may =
            Command::new(&unshare).args(namespaces).args(["mount", "--bind"]).args([data, data]).output().unwrap();
        if !may.status.success() {
            // The machine forbids it, and no package changes that.
            leave_out("no user namespace may mount here");
            return None;
        }
        let mut command = Command::new(unshare);
        command.args(namespaces).args(["sh", "-euc", CONTAINED, "sh"]).arg(self.root()).arg(data).arg(access);
        command.args(texts(&self.config["config"]["Entrypoint"])).env_clear();
        command.envs(texts(&self.config["config"]["Env"]).into_iter().map(|pair| pair.split_once('=').unwrap()));
        Some(command)
    }
}

/// The process that is started becomes the service, so that signals reach it.
const CONTAINED: &str = r#"
    root=$1 data=$2 access=$3
    shift 3
    mount --bind "$root" "$root"
    mkdir -p "$root/proc" "$root/dev"
    mount --rbind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --bind "$data" "$root/data"
    mount -o "remount,bind,$access" "$root/data"
    mount -o remount,bind,ro "$root"
    exec unshare --user --map-user=65532 --map-group=65532 --root="$root" --wd=/ "$@"
"#;

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn the_image_holds_the_binary_with_what_it_needs_and_no_other_program() {
    once!();
    let Some(image) = Image::unpacked() else { return };
    assert_eq!(image.names("usr/bin"), BTreeSet::from(["sales-order-api".to_owned()]));
    let expected = ["data", "etc", "lib", "lib64", "usr", "var"].map(str::to_owned);
    assert!(image.names(".").is_subset(&BTreeSet::from(expected)), "{:?}", image.names("."));
    let certificates = fs::read_to_string(image.root().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(certificates.matches("-----BEGIN CERTIFICATE-----").count() > 50);
    assert!(image.root().join("usr/share/zoneinfo/Asia/Jakarta").exists());

    // Scanners find the packages of the distribution.
    let packages = image.names("var/lib/dpkg/status.d");
    for name in ["base-files", "ca-certificates", "libc6", "libgcc-s1", "tzdata"] {
        let status = fs::read_to_string(image.root().join("var/lib/dpkg/status.d").join(name)).unwrap();
        assert!(status.starts_with(&format!("Package: {name}\n")) && status.contains("\nVersion: "), "{status}");
    }
    assert_eq!(packages.len(), 5, "{packages:?}");
    assert!(fs::read_to_string(image.root().join("etc/os-release")).unwrap().contains("VERSION_ID="));

    let config = &image.config["config"];
    let settings = ["User", "Entrypoint", "Cmd", "Volumes"].map(|key| config[key].clone());
    let expected = [json!("65532:65532"), json!(["/usr/bin/sales-order-api"]), json!(["serve"]), json!({"/data": {}})];
    assert_eq!(settings, expected);
    assert_eq!(config["Labels"], image.manifest["annotations"]);
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap();
    assert_eq!([label("title"), label("version")], ["sales-order-api", env!("CARGO_PKG_VERSION")]);
    assert_eq!(label("created"), "2026-11-30T00:53:20Z");
}

#[test]
fn the_same_binary_gives_the_same_image() {
    once!();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let Some(first) = archive(folders[0].path()) else { return };
    let second = archive(folders[1].path()).unwrap();
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap(), "the archives differ");
}

#[test]
fn in_its_image_the_service_refuses_to_be_reachable_without_a_secret_of_yours() {
    once!();
    let Some(image) = Image::unpacked() else { return };
    let data = tempfile::tempdir().unwrap();
    let Some(mut command) = image.contained(data.path(), "rw") else { return };
    let output = command.args(texts(&image.config["config"]["Cmd"])).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("auth.jwt_secret is not set"), "{said}");
}

/// On PostgreSQL there is nothing at all to write to.
#[tokio::test]
async fn the_service_takes_orders_in_its_image_with_nothing_to_write_to_but_its_data() {
    let Some(image) = Image::unpacked() else { return };
    let database = Database::new().await;
    let folder = database.folder.path();
    let secret = Remote::register(&database, "partner").await;
    fs::write(folder.join("jwt-secret"), JWT_SECRET).unwrap();
    let (access, url) = match on_postgres() {
        Some(_) => ("ro", database.url.as_str()),
        None => ("rw", "sqlite:///data/orders.db"),
    };
    let Some(mut command) = image.contained(folder, access) else { return };
    command.args(["serve", "--listen", "0.0.0.0:0", "--database-url", url]);
    command.env("SALES_ORDER_AUTH__JWT_SECRET_FILE", "/data/jwt-secret");
    let service = Process::serve_by(command, folder);
    let port = service.base.rsplit_once(':').unwrap().1.to_owned();

    let mut health = image.contained(folder, access).unwrap();
    let health = health
        .arg("health")
        .env("SALES_ORDER_AUTH__JWT_SECRET_FILE", "/data/jwt-secret")
        .env("SALES_ORDER_HTTP__LISTEN", format!("0.0.0.0:{port}"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&health.stdout), "ready\n", "{}", String::from_utf8_lossy(&health.stderr));

    let partner = Remote::log_in(&format!("http://127.0.0.1:{port}"), "partner", &secret).await;
    partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    // SIGTERM, and a good end.
    service.stop();
}
