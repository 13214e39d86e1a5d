//! Instances of the service that are killed and stopped while orders are made and moved on, and a receiver that takes notes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::future::join_all;
use sales_order_api::domain::permission::Permission;
use serde_json::{Value, json};

use crate::support::{Database, Process, Receiver, Remote, Reply, found, order, until};

/// The events of each order: it is made, confirmed and shipped.
pub const EVENTS_EACH: usize = 3;

/// How many orders are under way at once.
const WRITERS: usize = 4;

/// What came in, in this order: the event's id, its order and its sequence within the order.
type Arrivals = Arc<Mutex<Vec<(String, String, i64)>>>;

/// Two actors, where they find the service, and what the receiver got.
pub struct Stage {
    pub database: Database,
    receiver: Receiver,
    arrivals: Arrivals,
    /// Where instances answer now.
    bases: Arc<Mutex<Vec<String>>>,
    partner: Remote,
    operator: Remote,
    cursor: i64,
}

/// Orders that are being made.
pub struct Writing(JoinHandle<()>);

impl Writing {
    /// Waits until all of them are made and moved on.
    pub async fn done(self) {
        until("the last order", async || self.0.is_finished()).await;
        self.0.join().unwrap();
    }
}

/// Starts an instance whose leases are as short as they may be.
pub fn serve(database: &Database) -> Process {
    Process::serve(database.folder.path(), &database.url, |command| {
        command
            .env("SALES_ORDER_AUTH__JWT_SECRET", "one secret of more than 32 bytes for all instances")
            .env("SALES_ORDER_WEBHOOKS__SECRET_KEYS", "[\"one key of more than 32 bytes for all instances\"]")
            .env("SALES_ORDER_WEBHOOKS__ALLOW_HTTP", "true")
            .env("SALES_ORDER_WEBHOOKS__ALLOWED_NETWORKS", "[\"127.0.0.0/8\"]")
            .env("SALES_ORDER_WEBHOOKS__LEASE", "1s");
    })
}

impl Stage {
    /// With one instance, which sends to the partner's endpoint.
    pub async fn with(database: Database, first: &Process) -> Self {
        let (receiver, arrivals) = (Receiver::new().await, Arrivals::default());
        let taken = Arc::clone(&arrivals);
        receiver.answer(move |event| {
            let id = event.header("webhook-id").to_owned();
            taken.lock().unwrap().push((id, event.order().to_owned(), event.sequence()));
            Reply::status(200)
        });
        let secret = Remote::register(&database, "partner").await;
        let partner = Remote::log_in(&first.base, "partner", &secret).await;
        let permissions = vec![Permission::OrdersRead, Permission::OrdersManage, Permission::ClientsManage];
        let secret = Remote::register_with(&database, "staff", permissions).await;
        let operator = Remote::log_in(&first.base, "staff", &secret).await;
        let bases = Arc::new(Mutex::new(vec![first.base.clone()]));
        let stage = Self { database, receiver, arrivals, bases, partner, operator, cursor: 0 };
        stage.make_endpoint().await;
        until("the first instance sends to it", async || stage.generation().await == 1).await;
        stage
    }

    async fn make_endpoint(&self) {
        let save =
            "mutation($url: String!) { saveWebhookEndpoint(name: \"erp\", clientId: \"partner\", input: {url: $url}) {
            endpoint { state } } }";
        let url = format!("{}/hooks", self.receiver.base);
        let saved = graphql(&self.operator, save, json!({"url": url})).await.unwrap();
        assert_eq!(saved["data"]["saveWebhookEndpoint"]["endpoint"]["state"], "PENDING", "{saved}");
        let verify = "mutation { verifyWebhookEndpoint(name: \"erp\", clientId: \"partner\") { endpoint { state } } }";
        let verified = graphql(&self.operator, verify, json!({})).await.unwrap();
        assert_eq!(verified["data"]["verifyWebhookEndpoint"]["endpoint"]["state"], "ACTIVE", "{verified}");
    }

    /// Where the actors find the service from now on.
    pub fn are_at(&self, instances: &[&Process]) {
        *self.bases.lock().unwrap() = instances.iter().map(|instance| instance.base.clone()).collect();
    }

    /// Makes so many orders and moves each of them on, whatever becomes of the instances.
    pub fn begin(&self, orders: usize) -> Writing {
        let (bases, partner, operator) = (Arc::clone(&self.bases), self.partner.clone(), self.operator.clone());
        // A thread of its own: the test waits for processes meanwhile.
        Writing(std::thread::spawn(move || {
            let write = async |writer: usize| {
                for n in (writer..orders).step_by(WRITERS) {
                    let number = create(&partner, &bases, &format!("PO-{n}")).await;
                    for status in ["CONFIRMED", "SHIPPED"] {
                        move_to(&operator, &bases, &number, status).await;
                    }
                }
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(join_all((0..WRITERS).map(write)));
        }))
    }

    /// How often the endpoint got another instance, or the same one anew.
    pub async fn generation(&self) -> i64 {
        self.database.db_number("SELECT lease_generation FROM webhook_endpoints").await
    }

    /// Waits until so many requests came in; no cursor moves back meanwhile.
    pub async fn until_arrived(&mut self, number: usize) {
        let mut cursor = self.cursor;
        found(&format!("{number} webhooks"), async || {
            let now = self.database.db_number("SELECT position FROM webhook_endpoints").await;
            assert!(cursor <= now, "the cursor went back from {cursor} to {now}");
            cursor = now;
            (self.arrivals.lock().unwrap().len() >= number).then_some(())
        })
        .await;
        self.cursor = cursor;
    }

    /// Every event came in, those of each order one after the other, and what came again has the same id; gives how many did.
    pub async fn ensure_all_arrived(&mut self, orders: usize) -> usize {
        let events = orders * EVENTS_EACH;
        let stored = self.database.db_number("SELECT count(*) FROM sales_order_events").await;
        assert_eq!(usize::try_from(stored).unwrap(), events);
        until("everything", async || self.first_arrivals().values().map(BTreeMap::len).sum::<usize>() == events).await;
        let last = self.database.db_number("SELECT max(position) FROM sales_order_events").await;
        until("the cursor is behind everything", async || {
            self.database.db_number("SELECT position FROM webhook_endpoints").await == last
        })
        .await;
        for (order, firsts) in self.first_arrivals() {
            let sequences: Vec<_> = firsts.keys().copied().collect();
            assert_eq!(sequences, [1, 2, 3], "{order}");
            assert!(firsts.values().is_sorted(), "{order} came out of order: {firsts:?}");
        }
        let arrivals = self.arrivals.lock().unwrap();
        let (mut ids, mut of_ids) = (BTreeMap::new(), BTreeMap::new());
        for (id, order, sequence) in arrivals.iter() {
            assert_eq!(*ids.entry((order, sequence)).or_insert(id), id, "{order} {sequence} has two ids");
            assert_eq!(*of_ids.entry(id).or_insert((order, sequence)), (order, sequence), "{id} is of two events");
        }
        arrivals.len() - events
    }

    /// When each event of each order first came in.
    fn first_arrivals(&self) -> BTreeMap<String, BTreeMap<i64, usize>> {
        let mut orders: BTreeMap<String, BTreeMap<i64, usize>> = BTreeMap::new();
        for (at, (_, order, sequence)) in self.arrivals.lock().unwrap().iter().enumerate() {
            orders.entry(order.clone()).or_default().entry(*sequence).or_insert(at);
        }
        orders
    }
}

async fn graphql(client: &Remote, query: &str, variables: Value) -> reqwest::Result<Value> {
    let authorization = format!("Bearer {}", client.token);
    let body = json!({"query": query, "variables": variables});
    let answer = client.post("/graphql", &[("authorization", &authorization)], &body).await?;
    Ok(answer.json())
}

/// An instance that answers, as far as anybody knows: another one each time.
fn one_of(bases: &Mutex<Vec<String>>, turn: &mut usize) -> String {
    let bases = bases.lock().unwrap();
    *turn += 1;
    bases[*turn % bases.len()].clone()
}

/// Sends an order under its key until it is answered.
async fn create(partner: &Remote, bases: &Mutex<Vec<String>>, key: &str) -> String {
    let (signed, mut turn) = (partner.sign(), 0);
    found("an order", async || {
        let answer = partner.at(&one_of(bases, &mut turn)).create(&signed, Some(key), &order()).await.ok()?;
        let number = (answer.status == 201).then(|| answer.json()["data"]["order_number"].clone())?;
        Some(number.as_str().unwrap().to_owned())
    })
    .await
}

/// Moves an order on until somebody says that it is there.
async fn move_to(operator: &Remote, bases: &Mutex<Vec<String>>, number: &str, status: &str) {
    let change = "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { version } }";
    let (read, mut turn) = ("query($number: String!) { salesOrder(orderNumber: $number) { status } }", 0);
    found("a change", async || {
        let at = operator.at(&one_of(bases, &mut turn));
        // It may be done although the answer is lost.
        let _ = graphql(&at, change, json!({"input": {"orderNumber": number, "status": status}})).await.ok()?;
        let now = graphql(&at, read, json!({"number": number})).await.ok()?;
        (now["data"]["salesOrder"]["status"] == status).then_some(())
    })
    .await;
}
