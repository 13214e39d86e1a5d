//! A URL taken apart: hosts, parameters and settings, percent-encoding undone.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::parameters;

/// What a URL says, before the hosts are told apart.
#[derive(Default)]
pub(super) struct Parts {
    /// Each with its port, if it has one.
    pub(super) hosts: Vec<(String, Option<String>)>,
    pub(super) parameters: BTreeMap<&'static str, String>,
    /// `options[name]=value`, the driver's way to write `options`.
    pub(super) settings: Vec<(String, String)>,
}

impl Parts {
    pub(super) fn add(&mut self, name: &'static str, what: &str, text: &str) -> Result<(), String> {
        if !text.is_empty() {
            self.parameters.insert(name, decode(what, text)?);
        }
        Ok(())
    }

    /// Each host with its port. An empty host is the default one.
    pub(super) fn take_hosts(&mut self) -> Result<Vec<(String, Option<u16>)>, String> {
        let list = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let names = self.parameters.remove("host").map(list);
        let addresses = self.parameters.remove("hostaddr").map(list);
        let ports = self.parameters.remove("port").map(list);
        if let Some(addresses) = &addresses {
            if names.is_some() || self.hosts.iter().any(|(host, _)| !host.is_empty()) {
                return Err("hostaddr is there beside a host; the driver takes one of the two".to_owned());
            }
            if addresses.iter().any(|address| address.parse::<IpAddr>().is_err()) {
                return Err("hostaddr must be an IP address, or several with commas between them".to_owned());
            }
        }
        let mut hosts = std::mem::take(&mut self.hosts);
        if let Some(names) = addresses.or(names) {
            hosts = names.into_iter().map(|name| (unbracketed(name), None)).collect();
        }
        if hosts.is_empty() {
            hosts.push((String::new(), None));
        }
        if let Some(ports) = ports {
            if ports.len() != 1 && ports.len() != hosts.len() {
                return Err(format!(
                    "there are {} ports for {} hosts; give one for all, or one each",
                    ports.len(),
                    hosts.len()
                ));
            }
            for (host, port) in hosts.iter_mut().zip(ports.iter().cycle()) {
                host.1 = Some(port.clone()).filter(|port| !port.is_empty());
            }
        }
        let port = |text: String| match text.parse() {
            Ok(0) | Err(_) => Err("a port must be a number from 1 to 65535".to_owned()),
            Ok(port) => Ok(port),
        };
        hosts.into_iter().map(|(host, text)| Ok((host, text.map(port).transpose()?))).collect()
    }

    /// The files of TLS. The driver also takes a certificate itself.
    pub(super) fn files(&self) -> Vec<(&'static str, String)> {
        let named = ["sslrootcert", "sslcert", "sslkey"].into_iter();
        let named = named.filter_map(|name| Some((name, self.parameters.get(name)?.clone())));
        named.filter(|(_, value)| !value.contains("-----BEGIN")).collect()
    }

    /// What is common to all hosts, as the driver reads it.
    pub(super) fn query(&self) -> String {
        let settings = self.settings.iter().map(|(name, value)| (format!("options[{name}]"), value));
        let parameters = self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value));
        parameters.chain(settings).map(|(name, value)| format!("{}={}&", encode(&name), encode(value))).collect()
    }
}

/// libpq takes no brackets in a parameter; whoever writes them means the address in them.
fn unbracketed(name: String) -> String {
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).map(str::to_owned).unwrap_or(name)
}

pub(super) fn encode(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// Takes a URL apart.
pub(super) fn split(url: &str) -> Result<Parts, String> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or("it must begin with postgres://")?;
    if rest.contains('#') {
        return Err("it contains #, which ends a URL; write %23 for #".to_owned());
    }
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("it contains white space or a control character; write %20 for a space".to_owned());
    }
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = location.split_once('/').unwrap_or((location, ""));
    let mut parts = Parts::default();
    // The last @: one in a password is plain to see.
    let hosts = match authority.rsplit_once('@') {
        Some((login, hosts)) => {
            let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
            parts.add("user", "the user", user)?;
            parts.add("password", "the password", password.unwrap_or_default())?;
            hosts
        }
        None => authority,
    };
    parts.add("dbname", "the database", database)?;
    if !hosts.is_empty() {
        parts.hosts = hosts.split(',').map(host_and_port).collect::<Result<_, _>>()?;
    }
    let mut given = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("a parameter has no value: write name=value")?;
        let name = decode("the name of a parameter", name)?;
        if let Some(setting) = name.strip_prefix("options[").and_then(|name| name.strip_suffix(']')) {
            parts.settings.push((setting.to_owned(), parameter_value(&name, value)?));
            continue;
        }
        let name = parameters::known(&name)?;
        if given.contains(&name) {
            return Err(format!("the parameter {name} is there twice"));
        }
        given.push(name);
        let value = parameter_value(name, value)?;
        // As in libpq, a parameter counts where the same stands before it too.
        parts.parameters.insert(name, value);
    }
    Ok(parts)
}

fn parameter_value(name: &str, value: &str) -> Result<String, String> {
    if value.contains('+') {
        // A space to some readers of URLs, to libpq a plus.
        return Err(format!("the value of {name} contains +; write %2B for a plus, %20 for a space"));
    }
    decode(&format!("the value of {name}"), value)
}

/// Undoes percent-encoding. `what` names the text, which is not quoted: it may be a password.
fn decode(what: &str, text: &str) -> Result<String, String> {
    let is_code = |code: &[u8]| code.len() == 2 && code.iter().all(u8::is_ascii_hexdigit);
    let mut pieces = text.as_bytes().split(|byte| *byte == b'%').skip(1);
    if !pieces.all(|piece| piece.get(..2).is_some_and(is_code)) {
        return Err(format!("{what} contains a % without two hexadecimal digits behind it; write %25 for %"));
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| format!("{what} is not UTF-8"))?;
    if text.contains('\0') { Err(format!("{what} contains a zero byte")) } else { Ok(text.into_owned()) }
}

/// The text of a port is kept: it may be a piece of a password that was not encoded, which only its reader can tell.
fn host_and_port(text: &str) -> Result<(String, Option<String>), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("an IPv6 address has no closing ]")?;
            if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
                return Err("what stands in [ ] is no IPv6 address".to_owned());
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err("behind the ] of an IPv6 address comes : and a port, or nothing".to_owned()),
            }
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    // A password with a / or @ of its own looks like this.
    if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("a port must be a number; in a password, write %2F for /, %40 for @ and %3A for :".to_owned());
    }
    Ok((decode("a host", host)?, port.filter(|port| !port.is_empty()).map(str::to_owned)))
}
