//! Quantities stay in their equation and the status follows from them, whatever is done in whatever sequence.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::order_change::{ChangedLine, OrderChange, RemovedLine};
use crate::domain::order_input::LineContent;
use crate::domain::order_request::CancelledLine;
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

/// How much of which line is to be cancelled, each line named once.
fn cancelled(lines: &[(i32, i32)]) -> Vec<CancelledLine> {
    let mut lines: Vec<_> =
        lines.iter().map(|(line_no, cancelled)| CancelledLine { line_no: *line_no, cancelled: *cancelled }).collect();
    lines.sort_unstable();
    lines.dedup_by_key(|line| line.line_no);
    lines
}

/// A change: which line is to have which quantity, which are not wanted any more, and how much is ordered by new ones.
fn change(changed: &[(i32, i32)], removed: &[i32], added: &[i32]) -> OrderChange {
    let line = |(line_no, quantity): &(i32, i32)| ChangedLine { line_no: *line_no, quantity: *quantity };
    let mut changed_lines: Vec<_> = changed.iter().map(line).collect();
    changed_lines.sort_unstable();
    changed_lines.dedup_by_key(|line| line.line_no);
    changed_lines.retain(|line| !removed.contains(&line.line_no));
    OrderChange {
        changed_lines,
        removed_lines: removed.iter().map(|line_no| RemovedLine { line_no: *line_no }).collect(),
        added_lines: ordered(added).into_iter().map(|line| line.content).collect(),
        ..OrderChange::default()
    }
}

/// How much of the order has left.
fn left(order: &Fulfilment) -> i64 {
    order.lines().iter().map(|line| i64::from(line.answer.shipped)).sum()
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
fn a_cancellation_takes_first_what_nobody_promised_and_never_what_has_left() {
    let mut order = new(&[10, 2]);
    order.says(1, [5, 2, 1]).unwrap();
    order.sends("S1", &[part(1, 3)]).unwrap();
    let of_first = |quantity: i32| cancelled(&[(1, quantity)]);
    assert_eq!(order.cancel(Some(&of_first(3))).len(), 1);
    let parts = |order: &Fulfilment| {
        let LineAnswer { open, confirmed, back_ordered, cancelled, .. } = order.lines()[0].answer;
        [open, back_ordered, confirmed, cancelled]
    };
    assert_eq!(parts(&order), [0, 1, 5, 3]);
    assert_eq!(order.remaining(Some(&of_first(2))), Remaining::Done, "it is how much in all, not how much more");
    let refused = order.ensure_cancellable(&of_first(7), Naming::SnakeCase).unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/lines/0/cancelled_quantity");
    assert!(refused.is_conflict && refused.errors[0].message.starts_with("must be at most 6:"), "{refused:?}");
    assert!(order.ensure_cancellable(&of_first(6), Naming::SnakeCase).is_ok());
    assert_eq!(order.cancel(None).len(), 2);
    assert_eq!((parts(&order), order.status()), ([0, 0, 3, 6], Shipped));
    assert_eq!(order.remaining(None), Remaining::Gone);
}

#[test]
fn a_change_takes_first_what_nobody_promised_and_keeps_what_is_settled() {
    let mut order = new(&[10, 2]);
    order.says(1, [5, 2, 1]).unwrap();
    order.sends("S1", &[part(1, 3)]).unwrap();
    let parts = |order: &Fulfilment| {
        let LineAnswer { open, confirmed, back_ordered, rejected, cancelled, .. } = order.lines()[0].answer;
        [open, back_ordered, confirmed, rejected, cancelled]
    };
    let so = |quantity: i32| change(&[(1, quantity)], &[], &[]);
    order.change(&so(7), Naming::SnakeCase).unwrap();
    assert_eq!((parts(&order), order.status()), ([0, 1, 5, 1, 0], Confirmed));
    order.change(&so(12), Naming::SnakeCase).unwrap();
    assert_eq!(parts(&order), [5, 1, 5, 1, 0]);
    let changed = order.change(&change(&[(1, 4)], &[2], &[3]), Naming::SnakeCase).unwrap();
    assert_eq!(changed.iter().map(|line| line.line_no).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(parts(&order), [0, 0, 3, 1, 0]);
    assert_eq!((order.lines()[1].answer.cancelled, order.lines()[2].answer.open), (2, 3));
    let refused = |change: &OrderChange| {
        let refused = order.clone().change(change, Naming::CamelCase).unwrap_err();
        (refused.errors.into_iter().map(|it| it.pointer).collect::<Vec<_>>(), refused.is_conflict)
    };
    let pointers = |pointers: &[&str]| pointers.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let faults = ["/changedLines/0/quantity", "/changedLines/1/lineNo", "/changedLines/2/lineNo"];
    assert_eq!(refused(&change(&[(1, 3), (2, 1), (9, 1)], &[], &[])), (pointers(&faults), false));
    assert_eq!(refused(&change(&[(1, 3), (2, 1)], &[], &[])), (pointers(&faults[..2]), true));
    assert_eq!(refused(&change(&[], &[1], &[])), (pointers(&["/removedLines/0/lineNo"]), true), "three have left");
    assert_eq!(refused(&change(&[], &[], &[1; 498])), (pointers(&["/addedLines"]), false));
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
    Cancel(Option<Vec<CancelledLine>>),
    Change(OrderChange),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..5_i32, [0..8_i32, 0..4_i32, 0..4_i32]).prop_map(|(line, quantities)| Step::Answer(line, quantities)),
        2 => vec((1..5_i32, 1..5_i32).prop_map(|(line_no, quantity)| part(line_no, quantity)), 1..3).prop_map(Step::Ship),
        2 => (0..4_usize).prop_map(Step::Deliver),
        1 => vec((1..5_i32, 1..8_i32), 1..3).prop_map(|lines| Step::Cancel(Some(cancelled(&lines)))),
        1 => Just(Step::Cancel(None)),
        2 => (vec((1..6_i32, 1..12_i32), 0..3), vec(1..6_i32, 0..2), vec(1..6_i32, 0..2))
            .prop_map(|(changed, removed, added)| Step::Change(change(&changed, &removed, &added))),
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
                Step::Cancel(wanted) => {
                    let wanted = wanted.as_deref();
                    if wanted.is_some_and(|lines| order.ensure_cancellable(lines, Naming::CamelCase).is_err()) { continue }
                    let (remaining, shipped) = (order.remaining(wanted), left(&order));
                    let changed = order.cancel(wanted);
                    prop_assert_eq!(changed.is_empty(), remaining != Remaining::Something);
                    prop_assert_ne!(order.remaining(wanted), Remaining::Something, "once is enough");
                    prop_assert_eq!(left(&order), shipped, "what has left stays");
                    if wanted.is_none() && shipped == 0 {
                        prop_assert_eq!(order.status(), Cancelled);
                    }
                    if changed.is_empty() { continue }
                }
                Step::Change(wanted) => {
                    if !order.is_changeable() { continue }
                    let before = order.clone();
                    let Ok(changed) = order.change(&wanted, Naming::CamelCase) else { continue };
                    prop_assert_eq!(left(&order), left(&before), "what has left stays");
                    for (line, was) in order.lines().iter().zip(before.lines()) {
                        prop_assert_eq!(line.line_no, was.line_no, "a number means one line for ever");
                        let is_changed = line.answer != was.answer;
                        prop_assert_eq!(changed.iter().any(|it| it.line_no == line.line_no), is_changed);
                        let is_removed = wanted.removed_lines.iter().any(|it| it.line_no == line.line_no);
                        prop_assert!(!is_removed || line.answer.cancellable() == 0);
                        prop_assert_eq!(line.answer.rejected, was.answer.rejected);
                        let quantity = wanted.changed_lines.iter().find(|it| it.line_no == line.line_no);
                        prop_assert_eq!(line.answer.ordered(), quantity.map_or(was.answer.ordered(), |it| it.quantity));
                    }
                    prop_assert_eq!(order.lines().len(), before.lines().len() + wanted.added_lines.len());
                    if changed.is_empty() { continue }
                    let again = OrderChange { added_lines: Vec::new(), ..wanted.clone() };
                    prop_assert_eq!(order.clone().change(&again, Naming::CamelCase), Ok(vec![]), "once is enough");
                    let stored = lines.len();
                    for (line, now) in lines.iter_mut().zip(order.lines()) {
                        line.content.quantity = now.answer.ordered();
                    }
                    let added = wanted.added_lines.iter().zip(&order.lines()[stored..]);
                    lines.extend(added.map(|(content, now)| SalesOrderLine {
                        line_no: now.line_no, content: content.clone(), answer: None,
                    }));
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
            prop_assert!(sent <= left(&order), "what is in shipments has left");
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
