//! Several programs of a partner read events from two instances, one of which is killed.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Database, Process, Remote, in_time, order};

const ORDERS: usize = 60;

fn serve(database: &Database) -> Process {
    Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_AUTH__JWT_SECRET", "one secret of more than 32 bytes for all instances");
    })
}

/// What a program does: reads from its cursor on, handles the page, says so; where an instance does not answer it turns to the other one.
struct Program {
    name: String,
    at: [Remote; 2],
    turn: usize,
    /// What it handled, in its order.
    handled: Vec<Value>,
    /// How often it does not know whether the service heard that it was done.
    unsure: usize,
}

impl Program {
    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let remote = &self.at[self.turn % 2];
        let answer = remote.request(method, path, body).await.ok();
        if answer.is_none() {
            self.turn += 1;
        }
        answer
    }

    /// Reads and handles a page, and says that it is done with it.
    async fn work(&mut self) {
        let path = format!("/api/v1/events?consumer={}&wait=1&limit=7", self.name);
        let Some(page) = self.ask(Method::GET, &path, None).await else { return };
        let page = page.expect(200);
        self.handled.extend(page["data"].as_array().unwrap().iter().cloned());
        let done = json!({"after": page["next_cursor"]});
        let path = format!("/api/v1/events/consumers/{}", self.name);
        match self.ask(Method::PUT, &path, Some(&done)).await {
            Some(answer) => drop(answer.expect(200)),
            None => self.unsure += 1,
        }
    }

    fn distinct(&self) -> BTreeSet<&str> {
        self.handled.iter().map(|event| event["cursor"].as_str().unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_programs_handle_every_event_in_its_order_although_an_instance_is_killed() {
    let database = Database::new().await;
    let secret = Remote::register(&database, "partner").await;
    let (doomed, other) = (serve(&database), serve(&database));
    let at_doomed = Remote::log_in(&doomed.base, "partner", &secret).await;
    let at_other = at_doomed.at(&other.base);
    let programs = ["warehouse", "erp", "mail"].map(|name| Program {
        name: name.to_owned(),
        at: [at_doomed.at(&doomed.base), at_doomed.at(&other.base)],
        turn: 0,
        handled: Vec::new(),
        unsure: 0,
    });
    for program in &programs {
        let path = format!("/api/v1/events/consumers/{}", program.name);
        at_other.request(Method::PUT, &path, Some(&json!({}))).await.unwrap().expect(200);
    }
    let working = programs.map(|mut program| {
        tokio::spawn(async move {
            while program.distinct().len() < ORDERS {
                program.work().await;
            }
            program
        })
    });
    let mut doomed = Some(doomed);
    for n in 0..ORDERS {
        if n == ORDERS / 2 {
            doomed.take().unwrap().kill();
        }
        at_other.create(&at_other.sign(), Some(&n.to_string()), &order()).await.unwrap().expect(201);
    }
    for program in in_time("all events", join_all(working)).await {
        let program = program.unwrap();
        let again = program.handled.len() - program.distinct().len();
        assert!(again <= program.unsure * 7, "{again} again, {} times unsure", program.unsure);
        assert!(program.turn > 0, "it read from the instance that was killed");
        let mut seen = BTreeSet::new();
        let numbers = program.handled.iter().map(|event| event["order_number"].as_str().unwrap());
        let firsts: Vec<_> = numbers.filter(|number| seen.insert(*number)).collect();
        assert!(firsts.is_sorted(), "{firsts:?}");
    }
    assert!(!other.stop().contains("panicked"));
}
