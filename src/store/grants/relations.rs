//! Who needs what of each table and view: the one list from which rights are checked and granted.
//!
//! A new table gets a row here (`every_table_says_who_needs_what_of_it`).

const READ: &[&str] = &["SELECT"];
const ADD: &[&str] = &["SELECT", "INSERT"];
const CHANGE: &[&str] = &["SELECT", "INSERT", "UPDATE"];
const ALL: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];

/// A table or a view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relation {
    pub name: &'static str,
    /// What serving does with it.
    serving: &'static [&'static str],
    /// What it does besides where people sign in.
    people: &'static [&'static str],
    /// What managing clients does besides, over GraphQL or at the command line.
    managing: &'static [&'static str],
    /// What it does besides where events expire.
    expiring: &'static [&'static str],
    pub reported: Reported,
}

/// What reports may read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reported {
    Nothing,
    Whole,
    Columns(&'static [&'static str]),
    /// All of a view for reporting but these. A new one is decided upon where the documentation names what may be read
    /// (`the_reporting_role_reads_what_is_documented_and_nothing_else`).
    ViewBut(&'static [&'static str]),
}

/// What the service is used for besides orders.
#[derive(Debug, Clone, Copy, Default)]
pub struct Uses {
    /// People sign in.
    pub people: bool,
    /// Clients are managed.
    pub managing: bool,
    /// Events expire.
    pub expiring: bool,
}

impl Relation {
    const fn unused(name: &'static str) -> Self {
        Self { name, serving: &[], people: &[], managing: &[], expiring: &[], reported: Reported::Nothing }
    }

    const fn served(name: &'static str, serving: &'static [&'static str]) -> Self {
        Self { serving, ..Self::unused(name) }
    }

    const fn for_people(self, people: &'static [&'static str]) -> Self {
        Self { people, ..self }
    }

    const fn for_managing(self, managing: &'static [&'static str]) -> Self {
        Self { managing, ..self }
    }

    const fn for_expiring(self, expiring: &'static [&'static str]) -> Self {
        Self { expiring, ..self }
    }

    const fn reported(self, reported: Reported) -> Self {
        Self { reported, ..self }
    }

    /// Each once.
    pub(super) fn acts(&self, of: Uses) -> Vec<&'static str> {
        let mut acts = self.serving.to_vec();
        for (counts, more) in [(of.people, self.people), (of.managing, self.managing), (of.expiring, self.expiring)] {
            let missing = more.iter().filter(|act| counts && !acts.contains(act)).copied();
            let missing: Vec<_> = missing.collect();
            acts.extend(missing);
        }
        acts
    }
}

/// Reports read the views where there are some. Left out everywhere: addresses, notes, who did something, payloads and whatever
/// else may hold one of these, and all that proves or could be signed with.
pub(super) const RELATIONS: [Relation; 39] = [
    Relation::served("seaql_migrations", READ),
    Relation::served("clients", READ).for_people(&["INSERT", "UPDATE"]).for_managing(&["INSERT", "UPDATE"]),
    Relation::served("client_audit_log", ADD),
    Relation::served("sealing_keys", READ),
    Relation::served("client_secrets", &["SELECT", "UPDATE"]).for_managing(&["INSERT"]),
    Relation::served("client_public_keys", &["SELECT", "UPDATE"]).for_managing(&["INSERT"]),
    Relation::served("client_addresses", ALL),
    Relation::unused("person_sessions").for_people(ALL),
    Relation::served("event_consumers", ALL),
    Relation::served("event_horizon", READ).for_expiring(&["UPDATE"]),
    Relation::served("saved_views", ALL),
    Relation::served("instances", ALL),
    Relation::served("webhook_endpoints", ALL),
    Relation::served("webhook_secrets", ALL),
    Relation::served("webhook_signing_keys", CHANGE),
    Relation::served("webhook_parked", ALL),
    Relation::served("webhook_replays", ALL),
    Relation::served("webhook_attempts", ADD).for_managing(&["UPDATE"]),
    Relation::served("api_requests", ADD),
    Relation::served("sales_orders", CHANGE),
    Relation::served("sales_order_lines", CHANGE),
    // Orders are archived by the owner of the tables, who alone may delete them.
    Relation::served("archived_sales_orders", READ),
    Relation::served("sales_order_archives", READ),
    Relation::served("sales_order_receipts", ADD),
    Relation::served("sales_order_events", ADD).for_managing(&["UPDATE"]).for_expiring(&["DELETE"]),
    Relation::served("sales_order_acknowledgements", ADD).reported(Reported::Columns(&[
        "order_id",
        "system",
        "external_number",
        "created_at",
    ])),
    Relation::served("sales_order_shipments", CHANGE).reported(Reported::Whole),
    Relation::served("sales_order_shipment_lines", ADD).reported(Reported::Whole),
    Relation::served("sales_order_requests", CHANGE).reported(Reported::Columns(&[
        "id",
        "order_id",
        "client_id",
        "kind",
        "state",
        "reason",
        "requested_at",
        "answer_reason",
        "answered_at",
    ])),
    Relation::served("sales_order_request_receipts", ADD),
    // It is updated never, but deleting rows that nobody else deletes locks them, which takes that right.
    Relation::served("sales_order_signed_texts", ALL),
    // Texts of an earlier version are folded anew by the owner of the tables.
    Relation::unused("sales_order_search_folding"),
    Relation::served("sales_order_totals", READ).reported(Reported::Whole),
    Relation::served("sales_order_totals_base", ALL),
    Relation::served("sales_order_totals_delta", &["SELECT", "INSERT", "DELETE"]),
    Relation::served("sales_order_totals_by_period", ALL).reported(Reported::Whole),
    Relation::unused("reporting_sales_orders").reported(Reported::ViewBut(&["address", "note"])),
    Relation::unused("reporting_sales_order_lines").reported(Reported::ViewBut(&["note"])),
    Relation::unused("reporting_sales_order_events").reported(Reported::ViewBut(&["actor", "payload"])),
];
