//! Quantities stay in their equation and the status follows from them, whatever is done in whatever sequence.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::order_input::LineContent;
use OrderStatus::{Cancelled, Confirmed, Delivered, Received, Shipped};

/// The lines of an order of which so much was ordered, and nothing answered.
fn ordered(quantities: &[i32]) -> Vec<SalesOrderLine> {
    let line = |(quantity, line_no): (&i32, i32)| SalesOrderLine {
        line_no,
        content: LineContent {
            product_code: "HD9650".to_owned(),
            quantity: *quantity,
            product_name: None,
            unit: None,
            unit_price: None,
            note: None,
            reference: None,
        },
        answer: None,
    };
    quantities.iter().zip(1..).map(line).collect()
}

fn new(quantities: &[i32]) -> Fulfilment {
    Fulfilment::new(Received, &ordered(quantities), &[])
}

/// An answer: how much of which line is confirmed, back-ordered and rejected.
fn given(line_no: i32, [confirmed, back_ordered, rejected]: [i32; 3]) -> GivenAnswer {
    GivenAnswer { line_no, confirmed, back_ordered, rejected, promised_on: None, reason: None }
}

fn part(line_no: i32, quantity: i32) -> ShipmentLine {
    ShipmentLine { line_no, quantity }
}

impl Fulfilment {
    fn says(&mut self, line_no: i32, quantities: [i32; 3]) -> Result<Vec<AnsweredLine>, Refused> {
        self.answer(&[given(line_no, quantities)], Naming::CamelCase)
    }

    fn sends(&mut self, number: &str, parts: &[ShipmentLine]) -> Result<(), Refused> {
        self.ship(number, parts, Naming::CamelCase)
    }
}

#[test]
fn the_status_follows_from_the_lines() {
    let mut order = new(&[10, 2]);
    order.says(1, [0, 0, 10]).unwrap();
    assert_eq!(order.status(), Received, "nothing is confirmed, and the second line is open");
    order.says(2, [0, 2, 0]).unwrap();
    assert_eq!(order.status(), Confirmed, "it will be supplied, if later");
    order.says(2, [0, 0, 2]).unwrap();
    assert_eq!(order.status(), Cancelled, "all of it is rejected");

    let mut order = new(&[10]);
    order.says(1, [4, 0, 0]).unwrap();
    assert_eq!(order.status(), Confirmed);
    order.sends("S1", &[part(1, 4)]).unwrap();
    assert_eq!(order.status(), Confirmed, "six are open");
    order.says(1, [4, 6, 0]).unwrap();
    assert_eq!(order.status(), Shipped, "all that is confirmed has left");
    order.deliver("S1");
    assert_eq!(order.status(), Delivered);
    order.says(1, [9, 0, 1]).unwrap();
    assert_eq!(order.status(), Confirmed, "what was to come later is confirmed");
    order.sends("S2", &[part(1, 5)]).unwrap();
    assert_eq!(order.status(), Shipped, "the second shipment is on its way");
    order.deliver("S2");
    assert_eq!(order.status(), Delivered);
}

#[test]
fn a_whole_order_takes_its_lines_with_it() {
    let mut order = new(&[10, 2]);
    order.says(1, [3, 2, 4]).unwrap();
    assert!(order.go_to(Shipped));
    let [first, second] = [0, 1].map(|index| order.lines()[index].answer);
    assert_eq!((first.confirmed, first.shipped, first.rejected, first.open), (6, 6, 4, 0));
    assert_eq!((second.confirmed, second.shipped), (2, 2));
    assert!(order.go_to(Delivered));
    assert_eq!(order.status(), Delivered, "somebody said so, though there is no shipment");

    let mut order = new(&[10]);
    order.says(1, [4, 0, 1]).unwrap();
    assert!(order.go_to(Cancelled));
    assert_eq!((order.lines()[0].answer.cancelled, order.lines()[0].answer.rejected), (9, 1));

    let mut order = new(&[10]);
    order.says(1, [4, 0, 0]).unwrap();
    order.sends("S1", &[part(1, 1)]).unwrap();
    assert_eq!(order.next_statuses(), [Shipped]);
    assert!(!order.go_to(Cancelled), "something has left");
}

#[test]
fn what_left_without_a_shipment_arrives_when_the_whole_order_is_said_to() {
    let mut order = new(&[10]);
    order.says(1, [10, 0, 0]).unwrap();
    order.sends("S1", &[part(1, 4)]).unwrap();
    assert!(order.go_to(Shipped));
    order.deliver("S1");
    assert_eq!(order.status(), Shipped, "nobody told of the other six");
    assert!(order.go_to(Delivered));
    assert_eq!(order.status(), Delivered);
}

#[test]
fn what_is_wrong_with_lines_is_named_all_at_once() {
    let mut order = new(&[10, 2]);
    order.says(1, [6, 0, 0]).unwrap();
    order.sends("S1", &[part(1, 4)]).unwrap();
    let before = order.clone();
    let pointers = |refused: &Refused| refused.errors.iter().map(|it| it.pointer.clone()).collect::<Vec<_>>();

    let answers = [given(1, [3, 0, 0]), given(2, [1, 1, 1]), given(3, [1, 0, 0])];
    let refused = order.answer(&answers, Naming::CamelCase).unwrap_err();
    assert_eq!(pointers(&refused), ["/lines/0/confirmedQuantity", "/lines/1", "/lines/2/lineNo"]);
    assert!(!refused.is_conflict, "two of the three are never right");
    let mut order = before.clone();
    let refused = order.sends("S2", &[part(2, 1), part(1, 3)]).unwrap_err();
    assert_eq!(pointers(&refused), ["/lines/0/quantity", "/lines/1/quantity"]);
    assert!(refused.is_conflict);
    assert!(refused.errors[1].message.starts_with("must be at most 2:"), "{refused:?}");
}

#[test]
fn an_order_that_an_older_version_moved_takes_its_lines_along() {
    let mut lines = ordered(&[10, 2]);
    lines[0].answer = Some(LineAnswer { open: 3, confirmed: 7, ..LineAnswer::none(0) });
    lines[1].answer = Some(LineAnswer::none(2));
    for (status, quantities) in [(Shipped, (10, 10, 0)), (Delivered, (10, 10, 0)), (Cancelled, (0, 0, 10))] {
        let mut shown = lines.clone();
        follow(status, &mut shown);
        let of_first = |of: fn(&LineAnswer) -> i32| of(&shown[0].answer.unwrap());
        let found = (of_first(|it| it.confirmed), of_first(|it| it.shipped), of_first(|it| it.cancelled));
        assert_eq!(found, quantities, "{status}");
        let order = Fulfilment::new(status, &lines, &[]);
        assert_eq!(order.lines()[0].answer, shown[0].answer.unwrap());
    }
    let mut shown = lines.clone();
    follow(Confirmed, &mut shown);
    assert_eq!(shown[0].answer, lines[0].answer, "its lines say the same, and stay");
}

/// Every state that two small orders can be in is looked at, and everything that can be done there.
#[test]
fn lines_and_shipments_bring_an_order_where_its_picture_says_and_nowhere_else() {
    let mut changes = BTreeSet::new();
    for quantities in [&[2][..], &[1, 1]] {
        let (mut waiting, mut seen) = (vec![new(quantities)], Vec::new());
        while let Some(order) = waiting.pop() {
            if seen.contains(&order) || order.shipments.len() > 2 {
                continue;
            }
            for after in all_after(&order, quantities) {
                if after.status() != order.status() {
                    changes.insert((rank(order.status()), rank(after.status())));
                }
                waiting.push(after);
            }
            seen.push(order);
        }
    }
    let drawn = OrderStatus::ALL.iter().flat_map(|from| {
        let all = from.next().iter().chain(from.by_lines());
        all.map(|to| (rank(*from), rank(*to)))
    });
    assert_eq!(changes, drawn.collect());
}

/// The order after each thing that lines and shipments allow.
fn all_after(order: &Fulfilment, quantities: &[i32]) -> Vec<Fulfilment> {
    let mut found = Vec::new();
    let mut after = |change: &dyn Fn(&mut Fulfilment) -> bool| {
        let mut order = order.clone();
        if change(&mut order) {
            found.push(order);
        }
    };
    for (quantity, line_no) in quantities.iter().zip(1..) {
        for [confirmed, back_ordered, rejected] in parts_of(*quantity) {
            // What is cancelled is answered no more.
            let may = order.status() != Cancelled;
            after(&|order| may && order.says(line_no, [confirmed, back_ordered, rejected]).is_ok());
        }
        for sent in 1..=*quantity {
            let number = format!("S{}", order.shipments.len());
            after(&|order| order.sends(&number, &[part(line_no, sent)]).is_ok());
        }
    }
    for sent in &order.shipments {
        after(&|order| {
            order.deliver(&sent.number);
            true
        });
    }
    for status in OrderStatus::ALL {
        after(&|order| order.go_to(status));
    }
    found
}

fn parts_of(quantity: i32) -> impl Iterator<Item = [i32; 3]> {
    let to = move || 0..=quantity;
    let all = to().flat_map(move |a| to().flat_map(move |b| to().map(move |c| [a, b, c])));
    all.filter(move |parts| parts.iter().sum::<i32>() <= quantity)
}

/// What may be done to an order.
#[derive(Debug, Clone)]
enum Step {
    Answer(i32, [i32; 3]),
    Ship(Vec<ShipmentLine>),
    Deliver(usize),
    Move(OrderStatus),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..5_i32, [0..8_i32, 0..4_i32, 0..4_i32]).prop_map(|(line, quantities)| Step::Answer(line, quantities)),
        2 => vec((1..5_i32, 1..5_i32).prop_map(|(line_no, quantity)| part(line_no, quantity)), 1..3).prop_map(Step::Ship),
        2 => (0..4_usize).prop_map(Step::Deliver),
        1 => prop::sample::select(OrderStatus::ALL.to_vec()).prop_map(Step::Move),
    ];
    vec(step, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Each step is taken as the store takes it: of what is stored, and refused as a whole or done as a whole.
    #[test]
    fn quantities_never_leave_their_equation_and_the_status_is_always_that_of_the_rule(
        quantities in vec(1..10_i32, 1..4),
        steps in steps(),
    ) {
        let mut lines = ordered(&quantities);
        let mut shipments: Vec<Shipment> = Vec::new();
        let mut status = Received;
        for step in steps {
            let mut order = Fulfilment::new(status, &lines, &shipments);
            prop_assert_eq!(order.status(), status);
            match step {
                Step::Answer(line_no, quantities) => {
                    if status == Cancelled || order.says(line_no, quantities).is_err() { continue }
                    let again = order.clone();
                    prop_assert_eq!(order.says(line_no, quantities).unwrap(), vec![], "a repeat changes nothing");
                    prop_assert_eq!(&order, &again);
                }
                Step::Ship(mut parts) => {
                    parts.sort_unstable();
                    parts.dedup_by_key(|part| part.line_no);
                    let number = format!("S{}", shipments.len());
                    if order.sends(&number, &parts).is_err() { continue }
                    let shipped_at = DateTime::<Utc>::UNIX_EPOCH;
                    let (carrier, tracking_number, delivered_at) = (None, None, None);
                    shipments.push(Shipment { number, carrier, tracking_number, shipped_at, delivered_at, lines: parts });
                }
                Step::Deliver(index) => {
                    let Some(shipment) = shipments.get_mut(index) else { continue };
                    shipment.delivered_at = Some(shipment.shipped_at);
                    order.deliver(&shipment.number);
                }
                Step::Move(to) => {
                    if !order.go_to(to) { continue }
                    prop_assert_eq!(order.status(), to, "a whole order goes where it is told");
                    if to == Delivered {
                        for shipment in &mut shipments {
                            shipment.delivered_at = Some(shipment.shipped_at);
                        }
                    }
                    // Lines that follow their order are not written.
                    if lines.iter().all(|line| line.answer.is_none()) {
                        status = to;
                        continue;
                    }
                }
            }
            status = order.status();
            for (line, now) in lines.iter_mut().zip(order.lines()) {
                let LineAnswer { open, confirmed, back_ordered, rejected, cancelled, shipped, .. } = now.answer;
                prop_assert!([open, back_ordered, rejected, cancelled, shipped].iter().all(|part| *part >= 0));
                prop_assert_eq!(open + confirmed + back_ordered + rejected + cancelled, line.content.quantity);
                prop_assert!(shipped <= confirmed);
                line.answer = Some(now.answer);
            }
            let sent: i64 = shipments.iter().map(Shipment::quantity).sum();
            let left: i64 = order.lines().iter().map(|line| i64::from(line.answer.shipped)).sum();
            prop_assert!(sent <= left, "what is in shipments has left");
            prop_assert_eq!(Fulfilment::new(status, &lines, &shipments).status(), status);
            let mut shown = lines.clone();
            follow(status, &mut shown);
            let kept = shown.iter().zip(&lines).all(|(shown, line)| shown.answer == line.answer);
            prop_assert!(kept, "what is shown is what is stored");
            let mut settled = Fulfilment::new(status, &lines, &shipments);
            settled.settle();
            prop_assert_eq!(settled.status(), status, "the stored status is that of the rule");
        }
    }
}
