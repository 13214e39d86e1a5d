//! The configuration, and what it names elsewhere.

use super::{Found, Report};
use crate::app;
use crate::cli::serve;
use crate::config::Config;

pub(super) async fn look(report: &mut Report, config: &Config) {
    report.note("configuration", configuration(config));
    report.note("secrets", secrets(config));
    report.note("sealing_key", sealing_key(config));
    report.note("public_url", public_url(config));
    report.note("trusted_proxies", trusted_proxies(config));
    report.note("open_files", open_files(config));
    if config.oidc.is_on() {
        let remedy = "people cannot sign in: correct oidc.issuer, or what stands between (oidc.allowed_networks, \
                      webhooks.proxy, webhooks.extra_roots_file)";
        let look = async {
            app::ask_provider(config).await?;
            Ok(Found::ok(format!("{} answers", config.oidc.issuer)))
        };
        report.look("identity_provider", remedy, look).await;
    } else {
        report.note("identity_provider", Found::ok("people do not sign in here (oidc.issuer is empty)"));
    }
}

fn configuration(config: &Config) -> Found {
    let checked = config.check_exposure().map_err(anyhow::Error::from).and_then(|()| app::check_addresses(config));
    match checked {
        Ok(()) => Found::ok("valid"),
        Err(error) => {
            Found::error(crate::cli::output::sentence(&error), "the service does not start with it: correct it")
        }
    }
}

/// Shorter ones the configuration refuses.
fn secrets(config: &Config) -> Found {
    let weak: Vec<_> = config
        .guessable_secrets()
        .into_iter()
        .map(|(key, why)| format!("{key} can be guessed, because it {why}"))
        .collect();
    let remedy = "make another one with `openssl rand -base64 48` and rotate it";
    Found::wrong(&weak, remedy, "none that is configured can be guessed")
}

fn sealing_key(config: &Config) -> Found {
    match config.webhook_keys_there() {
        Ok(keys) if keys.is_empty() && config.http.listen.ip().to_canonical().is_loopback() => {
            Found::ok("none yet; `serve` makes one (webhooks.generated_secret_key_file)")
        }
        Ok(keys) if keys.is_empty() => Found::warning(
            "none: webhooks are off",
            "set webhooks.secret_keys_file to a file with the output of `openssl rand -base64 48`, the same for every instance",
        ),
        Ok(keys) => Found::ok(format!("keys: {}", keys.len())),
        Err(error) => Found::error(error.to_string(), "correct the file, or restore it from a backup"),
    }
}

fn public_url(config: &Config) -> Found {
    let here = config.http.listen.ip().to_canonical().is_loopback();
    match config.http.public_url.told() {
        Some(url) if url.starts_with("http://") && !here => Found::warning(
            format!("{url} has no TLS: tokens and secrets are sent in the open"),
            "put a proxy with TLS in front, and set http.public_url to its address",
        ),
        Some(url) => Found::ok(url),
        None if here => Found::ok("not set; the service is for this machine"),
        None => Found::warning(
            "not set: links and Location name no host",
            "set http.public_url to the address that callers use",
        ),
    }
}

fn trusted_proxies(config: &Config) -> Found {
    let is_proxied = config.http.public_url.told().is_some_and(|url| url.starts_with("https://"));
    if is_proxied && config.http.trusted_proxies.is_empty() {
        return Found::warning(
            "http.public_url is https, so a proxy is in front, but none is trusted: all callers share its address and its limits",
            "name the proxies in http.trusted_proxies",
        );
    }
    let proxies: Vec<_> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    Found::ok(if proxies.is_empty() { "none".to_owned() } else { proxies.join(", ") })
}

fn open_files(config: &Config) -> Found {
    let needed = serve::other_files(config) + config.http.max_connections as u64;
    match rlimit::getrlimit(rlimit::Resource::NOFILE) {
        Ok((_, most)) if most < needed => Found::warning(
            format!("this process may open {most} files, and http.max_connections with the rest needs {needed}"),
            "raise the limit (LimitNOFILE= of systemd, ulimit -Hn), or lower http.max_connections",
        ),
        Ok(_) => Found::ok(format!("enough for the {needed} that may be open")),
        Err(error) => Found::warning(format!("the limit cannot be read: {error}"), "look at it with ulimit -Hn"),
    }
}
