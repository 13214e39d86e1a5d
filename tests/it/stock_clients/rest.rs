//! Tools and generators that read the OpenAPI description, as the service serves it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::stage::{Stage, finish, python, tool};

#[tokio::test]
async fn redocly_finds_no_fault_in_the_description() {
    once!();
    let stage = Stage::new().await;
    stage.tool("redocly", &["lint", &stage.document()]).await;
}

/// What schemathesis makes of the description is accepted where it is valid and refused where it is not; every answer is as
/// described.
#[tokio::test]
async fn schemathesis_finds_no_difference_between_the_description_and_the_service() {
    once!();
    let stage = Stage::new().await;
    let mut schemathesis = stage.command(python("schemathesis"), "python");
    // One worker: two threads of CPython 3.11 that parse at once can fail ("AST constructor recursion depth mismatch").
    schemathesis.args(["run", &stage.document(), "--max-examples", "15", "--workers", "1"]);
    // The same cases in every run.
    schemathesis.args(["--seed", "1", "--generation-database", "none"]);
    schemathesis.env("SCHEMATHESIS_HOOKS", "signing");
    finish(schemathesis).await;
}

#[tokio::test]
async fn prism_as_a_proxy_sees_no_violation_in_what_partners_send_and_get() {
    once!();
    let stage = Stage::new().await;
    let mut prism = stage.command(tool("prism"), "node");
    prism.args(["proxy", &stage.document(), &stage.service.base, "--port", "0"]).stdout(Stdio::piped());
    let mut prism = Killed(prism.spawn().unwrap());
    let mut said = BufReader::new(prism.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = said.find_map(|line| line.split_once("listening on ").map(|(_, address)| address.trim().to_owned()));
    // It goes on writing, and would stop where nobody reads.
    std::thread::spawn(move || said.for_each(drop));
    let mut partner = stage.command("node", "node");
    partner.arg("prism.mjs").env("PROXY", address.unwrap());
    finish(partner).await;
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_partner_with_openapi_typescript_and_openapi_fetch_creates_orders() {
    once!();
    let stage = Stage::new().await;
    stage.tool("openapi-typescript", &[&stage.document(), "--output", "generated/openapi.ts"]).await;
    stage.typescript("openapi-fetch").await;
}

#[tokio::test]
async fn a_partner_with_hey_api_creates_orders() {
    once!();
    let stage = Stage::new().await;
    stage.tool("openapi-ts", &["--file", "hey-api.config.mjs"]).await;
    stage.typescript("hey-api").await;
}

#[tokio::test]
async fn a_partner_with_openapi_python_client_creates_orders() {
    once!();
    let stage = Stage::new().await;
    let args =
        ["generate", "--url", &stage.document(), "--output-path", "generated", "--meta", "none", "--fail-on-warning"];
    stage.python("openapi-python-client", &args).await;
    stage.python("python", &["generated_client.py"]).await;
}
