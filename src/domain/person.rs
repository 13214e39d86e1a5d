//! People: clients that sign in at a provider of identities.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::client::{self, ClientId, InvalidClientId};
use super::permission::Permission;

/// A person, as the provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// What the provider calls the person, for good.
    pub subject: String,
    /// What the person is called there for now, such as `jane.doe`.
    pub user_name: Option<String>,
    /// Their name for people.
    pub name: Option<String>,
    /// Their groups there.
    pub groups: Vec<String>,
}

/// How much of a client id the name of a person takes at most.
const LONGEST_STEM: usize = 40;

impl Identity {
    /// The client id of a person that signs in first: readable by the name of that day, and their own whoever gets that name later.
    pub fn client_id(&self) -> Result<ClientId, InvalidClientId> {
        let digest = Sha256::digest([self.issuer.as_bytes(), b"\0", self.subject.as_bytes()].concat());
        let tail: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        self.client_id_with(&tail)
    }

    /// The same with another tail, where a client has that id already which is not this person.
    pub fn client_id_with(&self, tail: &str) -> Result<ClientId, InvalidClientId> {
        let named = self.user_name.as_deref().unwrap_or_default();
        // Of a mail address what stands before its host.
        let named = named.split('@').next().unwrap_or_default();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let stem: String = named.chars().filter(is_plain).take(LONGEST_STEM).collect();
        let stem = if stem.is_empty() { "person" } else { &stem };
        format!("{stem}-{tail}").parse()
    }

    /// The name for people: what the provider says, as far as it can be a name here.
    #[must_use]
    pub fn display_name(&self) -> String {
        let read = |name: &Option<String>| {
            let name: String = name.as_deref()?.chars().filter(|c| !c.is_control()).take(128).collect();
            client::read_name(&name).ok()
        };
        read(&self.name).or_else(|| read(&self.user_name)).unwrap_or_else(|| "A person without a name".to_owned())
    }

    /// What the groups of the person allow here; empty where none of them is named.
    #[must_use]
    pub fn permissions(&self, named: &BTreeMap<String, Vec<Permission>>) -> Vec<Permission> {
        let mut permissions: Vec<_> =
            self.groups.iter().filter_map(|group| named.get(group)).flatten().copied().collect();
        permissions.sort_unstable();
        permissions.dedup();
        permissions
    }
}

/// A session of a person's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSession {
    /// Its number in the database.
    pub id: i64,
    /// What operators call it: the begin of the hash of what the browser keeps, of which it tells nothing.
    pub name: String,
    /// Whose it is.
    pub client_id: ClientId,
    /// The client's count of ended sessions when it began; an older one is over.
    pub generation: i64,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it last gave a token.
    pub last_used_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// What the browser says of itself.
    pub user_agent: String,
    /// From where the person signed in.
    pub network: String,
}

impl PersonSession {
    /// How many characters its name has.
    pub const NAME: usize = 16;
}

/// The longest way back that is kept.
const LONGEST_RETURN: usize = 512;

/// The place in the dashboard to which a sign-in leads back: a path below `/dashboard`, with a query perhaps. Everything else, such as
/// another host however it is spelt, is the dashboard itself.
#[must_use]
pub fn return_path(asked: Option<&str>) -> &str {
    const HOME: &str = "/dashboard";
    let Some(path) = asked.filter(|path| path.len() <= LONGEST_RETURN) else { return HOME };
    let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'#' | b'"' | b'<' | b'>');
    let (route, _) = path.split_once('?').unwrap_or((path, ""));
    let is_below = route.strip_prefix(HOME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_normal =
        !route.contains("//") && !route.contains('%') && !route.split('/').any(|part| matches!(part, "." | ".."));
    // Those two would begin another sign-in, or repeat this one.
    let is_screen = !["/dashboard/sign-in", "/dashboard/callback"].contains(&route);
    if is_below && is_normal && is_screen && path.bytes().all(is_plain) { path } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(user_name: &str) -> Identity {
        Identity {
            issuer: "https://id.example.com".to_owned(),
            subject: "248289761001".to_owned(),
            user_name: Some(user_name.to_owned()),
            name: Some("Jane Doe".to_owned()),
            groups: vec!["/sales".to_owned(), "/all".to_owned()],
        }
    }

    #[test]
    fn a_client_id_of_a_person_is_readable_and_of_its_subject_alone() {
        let id = |identity: &Identity| identity.client_id().unwrap().to_string();
        assert_eq!(id(&identity("jane.doe@example.com")), "jane.doe-fc74fda9afdb13d9");
        assert!(id(&identity("Jané Doe|x")).starts_with("JanDoex-"));
        assert!(id(&identity("")).starts_with("person-"));
        assert!(id(&identity(&"é".repeat(500))).starts_with("person-"));
        assert!(id(&identity(&"j".repeat(500))).len() <= 64);
        let another = Identity { subject: "another".to_owned(), ..identity("jane.doe") };
        assert_ne!(id(&another), id(&identity("jane.doe")));
    }

    #[test]
    fn a_name_is_what_the_provider_says_without_what_steers_a_terminal() {
        let named =
            |name: Option<&str>| Identity { name: name.map(str::to_owned), ..identity("jane.doe") }.display_name();
        assert_eq!(named(Some("Jane Doe")), "Jane Doe");
        assert_eq!(named(Some(" \u{1b}[31mJane\n ")), "[31mJane");
        assert_eq!(named(Some("  ")), "jane.doe");
        assert_eq!(named(None), "jane.doe");
        assert_eq!(Identity { name: None, user_name: None, ..identity("") }.display_name(), "A person without a name");
        assert_eq!(named(Some(&"é".repeat(300))).chars().count(), 128);
    }

    #[test]
    fn the_scopes_of_a_person_are_those_of_all_their_groups() {
        let named = BTreeMap::from([
            ("/sales".to_owned(), vec![Permission::OrdersManage, Permission::OrdersRead]),
            ("/all".to_owned(), vec![Permission::OrdersRead]),
            ("/staff".to_owned(), vec![Permission::ClientsManage]),
        ]);
        assert_eq!(identity("jane").permissions(&named), [Permission::OrdersRead, Permission::OrdersManage]);
        let nobody = Identity { groups: vec!["/SALES".to_owned()], ..identity("jane") };
        assert_eq!(nobody.permissions(&named), []);
    }

    #[test]
    fn a_sign_in_leads_back_into_the_dashboard_and_nowhere_else() {
        for path in
            ["/dashboard", "/dashboard/orders", "/dashboard/orders?status=RECEIVED&q=%2F%2Fevil", "/dashboard?x=//y"]
        {
            assert_eq!(return_path(Some(path)), path);
        }
        for path in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/dashboard",
            "/dashboardevil",
            "/dashboard.evil.example",
            "/dashboard/../graphiql",
            "/dashboard/./orders",
            "/dashboard/%2e%2e/graphiql",
            "/dashboard//evil.example",
            "/dashboard/\\evil.example",
            "/dashboard/orders\r\nSet-Cookie: a=b",
            "/dashboard/sign-in",
            "/dashboard/callback?code=x",
            "/dashboard/é",
            "/dashboard#x",
        ] {
            assert_eq!(return_path(Some(path)), "/dashboard", "{path:?}");
        }
        assert_eq!(return_path(None), "/dashboard");
        assert_eq!(return_path(Some(&format!("/dashboard?{}", "x".repeat(600)))), "/dashboard");
    }
}
