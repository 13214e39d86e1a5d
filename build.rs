//! Lets `web/dist` into the binary: it is there, if only empty, before the pages are embedded, and a change of it is
//! noticed.

use std::path::Path;
use std::{env, fs};

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist");
    fs::create_dir_all(&dist)?;
    // Other builds read the folder while they run, so a new page asks for no compiler.
    #[expect(clippy::disallowed_methods, reason = "how cargo tells a build script what it builds")]
    let profile = env::var("PROFILE").unwrap_or_default();
    if profile == "release" {
        println!("cargo::rerun-if-changed=web/dist");
    }
    Ok(())
}
