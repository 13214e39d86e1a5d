//! From names to addresses that may be reached.
//!
//! What is vetted here is what is connected to: between the two nobody asks for the name again.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select};
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::TargetRules;
use super::networks::is_allowed;

/// Answers that are remembered for as long as they say.
const CACHE: u64 = 4_096;

/// The longest that an answer is remembered: a receiver that moves is found again soon, one that had no name sooner.
const LONGEST_FOUND: Duration = Duration::from_mins(5);
const LONGEST_NOT_FOUND: Duration = Duration::from_secs(30);

/// How often a question is asked again that nobody answered.
const REPEATS: usize = 2;

/// How long addresses of one family wait for those of the other.
const LEAD: Duration = Duration::from_millis(500);

/// Why a name leads nowhere. Says nothing of what was asked or answered, for it travels in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameFault {
    /// There is no such name, or it has no address.
    #[error("the name has no address")]
    NoAddress,
    /// One of its addresses may not be reached.
    #[error("the name has an address that may not be reached")]
    Forbidden,
    /// Nobody could tell.
    #[error("no resolver answers")]
    NoResolver,
}

/// What finds the addresses of a name.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Vec<IpAddr>, NameFault>> + Send + Sync>;

/// Asks the servers that the system names in `/etc/resolv.conf`, after `/etc/hosts`; both are read once.
pub(super) fn system(limit: Duration) -> Lookup {
    TokioResolver::builder_tokio().and_then(|builder| lookup_by(builder, limit)).unwrap_or_else(|error| {
        tracing::warn!(%error, "the system names no resolver: no webhook can be sent to a name");
        Arc::new(|_| async { Err(NameFault::NoResolver) }.boxed())
    })
}

/// A lookup that repeats its questions within a limit.
pub(super) fn lookup_by(
    mut builder: ResolverBuilder<TokioRuntimeProvider>,
    limit: Duration,
) -> Result<Lookup, NetError> {
    let options = builder.options_mut();
    options.use_hosts_file = ResolveHosts::Always;
    options.cache_size = CACHE;
    options.positive_max_ttl = Some(LONGEST_FOUND);
    options.negative_max_ttl = Some(LONGEST_NOT_FOUND);
    options.attempts = REPEATS;
    options.timeout = limit / (1 + u32::try_from(REPEATS).unwrap_or_default());
    let resolver = builder.build()?;
    Ok(Arc::new(move |name| ask(resolver.clone(), name).boxed()))
}

/// Both families at once. Some name servers never answer for the one that they do not know, so who has an address by the
/// other does not wait for them.
async fn ask(resolver: TokioResolver, name: String) -> Result<Vec<IpAddr>, NameFault> {
    // A name with a dot at its end is looked up as it is, and not below the domains of this machine.
    let name = format!("{}.", name.trim_end_matches('.'));
    let (v4, v6) = (resolver.ipv4_lookup(name.as_str()), resolver.ipv6_lookup(name.as_str()));
    let (first, rest) = select(v4.boxed(), v6.boxed()).await.into_inner();
    let first = addresses(first);
    let second = match &first {
        Ok(_) => tokio::time::timeout(LEAD, rest).await.map_or(Err(NameFault::NoResolver), addresses),
        Err(_) => addresses(rest.await),
    };
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let mut both = [first, second].concat();
            both.sort_by_key(IpAddr::is_ipv6);
            Ok(both)
        }
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        // That there is no address must be said of both.
        (Err(NameFault::NoAddress), Err(NameFault::NoAddress)) => Err(NameFault::NoAddress),
        (Err(_), Err(_)) => Err(NameFault::NoResolver),
    }
}

fn addresses(lookup: Result<hickory_resolver::lookup::Lookup, NetError>) -> Result<Vec<IpAddr>, NameFault> {
    match lookup {
        Ok(lookup) => {
            let addresses: Vec<_> = lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
            if addresses.is_empty() { Err(NameFault::NoAddress) } else { Ok(addresses) }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            Err(NameFault::NoAddress)
        }
        Err(error) => {
            tracing::debug!(%error, "a name is not resolved");
            Err(NameFault::NoResolver)
        }
    }
}

/// The resolver of the client.
pub(super) struct Vetted {
    lookup: Lookup,
    limit: Duration,
    /// What addresses are held to. None where a proxy stands between: only its own name is looked up then.
    rules: Option<TargetRules>,
}

impl Vetted {
    pub(super) const fn new(lookup: Lookup, limit: Duration, rules: Option<TargetRules>) -> Self {
        Self { lookup, limit, rules }
    }
}

impl Resolve for Vetted {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = tokio::time::timeout(self.limit, (self.lookup)(name.as_str().to_owned()));
        let rules = self.rules.clone();
        Box::pin(async move {
            let addresses = lookup.await.unwrap_or(Err(NameFault::NoResolver))?;
            if addresses.is_empty() {
                return Err(NameFault::NoAddress.into());
            }
            // One that is forbidden makes the others suspect: who names it means to get at it.
            let forbidden = |rules: TargetRules| addresses.iter().any(|address| !is_allowed(*address, &rules));
            if rules.is_some_and(forbidden) {
                return Err(NameFault::Forbidden.into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
