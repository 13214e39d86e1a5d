//! `demo`: the five-minute tour. A partner with a new key sends a signed order, a dashboard reads it back, all of it
//! over real HTTP against the very server that `serve` runs.

use std::fs::{self, OpenOptions};
use std::future::pending;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::serve::Server;
use super::{Common, output, signals};
use crate::app::{self, AppState};
use crate::auth::private_key::PrivateKey;
use crate::auth::string_to_sign::documented_string;
use crate::clock::Clock;
use crate::config::{self as settings, LogFormat, Overrides};
use crate::domain::expectation_policy::ExpectationPolicy;
use crate::domain::permission::Permission;
use crate::domain::reference_policy::ReferencePolicy;
use crate::domain::signature_policy::SignaturePolicy;
use crate::service::clients::ClientToCreate;
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Stop after the tour instead of serving on
    #[arg(long)]
    exit: bool,
}

const FOLDER: &str = "data/demo";
const PARTNER: &str = "versuni-client-001";
const DASHBOARD: &str = "dashboard-001";

pub async fn run(common: &Common, args: Args) -> Result<()> {
    let folder = Path::new(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {FOLDER}"))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {FOLDER}"))?;
    let database_url = common.database_url.clone().unwrap_or_else(|| format!("sqlite://{FOLDER}/sales-orders.db"));
    let overrides = Overrides { listen: args.listen, database_url: Some(database_url) };
    let mut config = settings::load(&common.config, &overrides)?.config;
    // No proxy is in front of a tour, and whoever ends it waits for nothing.
    config.http.drain_delay = Duration::ZERO;
    config.auth.generated_jwt_secret_file = folder.join("jwt-secret");
    config.webhooks.generated_secret_key_file = folder.join("webhook-secret-key");
    // The tour is what is to be read here; the service speaks up only when something is wrong.
    telemetry::install("warn", config.log.format == LogFormat::Json, config.log.max_buffer_bytes)?;
    signals::ignore()?;

    let mut stop = pin!(signals::stop_signal()?);

    let server = Server::bind(config).await.context("cannot start the demo")?;
    let base = format!("http://{}", server.address);
    let opened = server.open(stop.as_mut()).await.context("cannot start the demo")?;
    let Some((server, state)) = opened else { return Ok(()) };
    let (stop_serving, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(state.clone(), async {
        // Whether told to stop or abandoned, it stops.
        let _ = stopped.await;
    }));
    let shown = tokio::select! {
        shown = show(&state, base, args.exit) => shown,
        () = stop => Ok(()),
    };
    drop(stop_serving);
    serving.await?;
    match shown {
        // A reader that has read enough ends it.
        Err(error) if error.downcast_ref().is_some_and(output::is_read_enough) => Ok(()),
        shown => shown,
    }
}

/// Makes the clients and gives the tour. Unless it is to end then, it goes on for ever.
async fn show(state: &AppState, base: String, ends: bool) -> Result<()> {
    let folder = Path::new(FOLDER);
    let clients = app::clients(state.store(), &Clock::system());
    let key = PrivateKey::generate()?;
    let key_file = folder.join("versuni-private.pem");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key_file)?;
    file.write_all(key.to_pkcs8_pem()?.expose_secret().as_bytes())?;
    fs::write(folder.join("versuni-public.pem"), key.public_key().to_pem())?;
    let create = |client_id: &str, name: &str, permission, public_keys| {
        let client_id = client_id.parse().map_err(anyhow::Error::from);
        let name = name.to_owned();
        let clients = &clients;
        async move {
            let new = ClientToCreate {
                client_id: client_id?,
                name,
                permissions: vec![permission],
                signature_policy: SignaturePolicy::Documented,
                reference_policy: ReferencePolicy::default(),
                expectation_policy: ExpectationPolicy::default(),
                public_keys,
                secret: None,
            };
            anyhow::Ok(clients.create_client(new).await?)
        }
    };
    let partner = create(PARTNER, "Versuni", Permission::OrdersCreate, vec![key.public_key().to_pem()]).await?;
    let dashboard = create(DASHBOARD, "Sales dashboard", Permission::OrdersRead, Vec::new()).await?;
    let tour = Tour { base, http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build()? };
    tour.run(&partner, &dashboard, &key).await?;
    if ends {
        return Ok(());
    }
    say(format!("\n# In a browser: {}/docs explains it all.", tour.base)).await?;
    say(format!(
        "# In {}/dashboard sign in as {DASHBOARD} with the secret of step 4 and send the order of above.",
        tour.base
    ))
    .await?;
    if state.config().graphql.graphiql {
        say(format!(
            "# In {}/graphiql sign in as {PARTNER} with the secret of step 1 and load {FOLDER}/versuni-private.pem.",
            tour.base
        ))
        .await?;
    }
    say(format!("\nServing on at {} until Ctrl-C. Everything is in {FOLDER}.", tour.base)).await?;
    pending().await
}

/// Prints a text. While its reader takes nothing the tour waits, and whoever ends it does not.
async fn say(text: impl Into<String>) -> Result<()> {
    Ok(output::text_aside(text.into()).await?)
}

struct Tour {
    base: String,
    http: reqwest::Client,
}

impl Tour {
    async fn run(&self, partner: &SecretString, dashboard: &SecretString, key: &PrivateKey) -> Result<()> {
        say(format!("# 1. {PARTNER} logs in")).await?;
        let token = self.log_in(PARTNER, partner).await?;

        say("\n# 2. It signs client_id|timestamp with its private key and sends an order").await?;
        let order = json!({
            "customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe",
            "address": "Jl. Sudirman No. 1, Jakarta",
            "products": [
                {"product_code": "HD9650", "product_name": "Airfryer XXL", "quantity": 2, "unit": "PCS", "unit_price": "3499000"},
                {"product_code": "HR2223", "product_name": "Blender 5000", "quantity": 1, "unit": "PCS", "unit_price": "899000"},
            ],
        });
        let timestamp = Clock::system().now().timestamp().to_string();
        let signature = STANDARD.encode(key.sign(documented_string(PARTNER, &timestamp).as_bytes())?);
        let authorization = format!("Bearer {token}");
        let headers = [
            ("Authorization", authorization.as_str()),
            ("X-CLIENT-ID", PARTNER),
            ("X-TIMESTAMP", &timestamp),
            ("X-SIGNATURE", &signature),
        ];
        let created = self.post("/api/v1/sales-orders", &headers, &order).await?;
        let number = created["data"]["order_number"].as_str().context("the answer has no order number")?;

        say("\n# 3. It sends the same request again, as after a lost answer: the same order, not a second one").await?;
        let again = self.post("/api/v1/sales-orders", &headers, &order).await?;
        if again["data"]["order_number"].as_str() != Some(number) {
            bail!("the same request made a second order");
        }

        say(format!("\n# 4. {DASHBOARD} logs in and reads the order over GraphQL")).await?;
        let token = self.log_in(DASHBOARD, dashboard).await?;
        let query = json!({
            "query": "query($number: String!) { salesOrder(orderNumber: $number) { orderNumber status clientId \
                      customerCode totalQuantity totalAmount currency products { lineNo productCode quantity unitPrice } } }",
            "variables": {"number": number},
        });
        let authorization = format!("Bearer {token}");
        let read = self.post("/graphql", &[("Authorization", &authorization)], &query).await?;
        if read["data"]["salesOrder"]["orderNumber"].as_str() != Some(number) {
            bail!("the dashboard did not find the order");
        }

        // With a key of its own: within one second two signatures are the same, and so would be the order.
        say(format!(
            "\n# Every line above works again when pasted; the signed one for 5 minutes. A newly signed order at any time:\n\
             TS=$(date +%s); SIG=$(printf '%s' '{PARTNER}|'$TS | openssl dgst -sha256 -sign {FOLDER}/versuni-private.pem \
             | openssl base64 -A); curl -sS '{}/api/v1/sales-orders' -H 'Authorization: {}' -H 'X-CLIENT-ID: {PARTNER}' \
             -H \"X-TIMESTAMP: $TS\" -H \"X-SIGNATURE: $SIG\" -H \"Idempotency-Key: $(openssl rand -hex 8)\" \
             -H 'Content-Type: application/json' -d '{order}'",
            self.base, headers[0].1,
        ))
        .await
    }

    async fn log_in(&self, client_id: &str, secret: &SecretString) -> Result<String> {
        let credentials = json!({"client_id": client_id, "client_secret": secret.expose_secret()});
        let session = self.post("/api/v1/auth/login", &[], &credentials).await?;
        Ok(session["token"].as_str().context("the answer has no token")?.to_owned())
    }

    /// Sends a request, printing it as a curl line and its answer below.
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.post(&url).json(body);
        let mut shown = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            request = request.header(*name, *value);
            shown.push(format!(" -H '{name}: {value}'"));
        }
        let quoted = body.to_string().replace('\'', r"'\''");
        say(format!("curl -sS '{url}'{} -H 'Content-Type: application/json' -d '{quoted}'", shown.concat())).await?;
        let response = request.send().await?;
        let status = response.status();
        let replayed =
            if response.headers().contains_key("idempotent-replayed") { " Idempotent-Replayed: true" } else { "" };
        let answer: Value = response.json().await?;
        say(format!("→ {}{replayed}\n{}", status.as_u16(), serde_json::to_string_pretty(&answer)?)).await?;
        if !status.is_success() {
            bail!("{path} answered {status}");
        }
        Ok(answer)
    }
}
