//! Memory for bodies under way: so much of it that all bodies together, and what becomes of them, stay within a budget.
//!
//! A body takes room twice: for its bytes before they are read, and for what becomes of them before they are looked at.
//! So a sender that is slow holds no room that others' whole bodies could be worked on in. No holder gets more than half
//! of any room, smaller bodies never wait for larger ones, and known clients never for anybody else.

use std::net::IpAddr;
use std::ops::Deref;
use std::time::Duration;

use super::turns::{Turn, TurnRules, Turns, too_many};
use crate::compute::Lane;
use crate::domain::client::ClientId;
use crate::error::{AppError, ErrorCode};

/// A usual order, any login. What is no larger takes no room and waits for none: all connections together, and the orders
/// that may wait to be stored, take little with bodies of this size.
pub const FREE: usize = 4 * 1024;

/// Some hundred lines. Larger ones do not keep these waiting.
const USUAL: usize = 64 * 1024;

/// What becomes of a byte: it is in the body, in the JSON that was read, in the variables, in the order, its digest and
/// its answer. Measured with orders of 500 lines, as is the next.
const OF_A_BYTE: usize = 6;

/// What a value takes by itself, with its name, in all of these.
const OF_A_VALUE: usize = 256;

/// The most values of a body: an order of 500 lines with everything has some four thousand. A list of nothing but zeros
/// takes hundreds of bytes for each two that are sent.
const MOST_VALUES: usize = 64 * 1024;

const BODIES: &str = "large bodies";

/// The sender of a body, for the limits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The client of a valid token.
    Client(ClientId),
    /// A sender without a valid token, by its address.
    Address(IpAddr),
}

/// The budget.
pub struct Bodies {
    known: Rooms,
    anonymous: Rooms,
}

struct Rooms {
    arriving: Room,
    usual: Room,
    large: Room,
}

struct Room {
    turns: Turns<Holder>,
    of_each: u32,
}

impl Bodies {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize, patience: Duration) -> Self {
        // A quarter for those without a valid token.
        Self { known: Rooms::new(bytes / 4 * 3, patience), anonymous: Rooms::new(bytes / 4, patience) }
    }

    /// Room for a body of so many bytes to arrive in. Whose it is, is asked where it takes room only: to know costs the
    /// check of a token.
    pub async fn arrive(
        &self,
        lane: Lane,
        holder: &impl Deref<Target = Holder>,
        bytes: usize,
    ) -> Result<Option<Turn>, AppError> {
        if bytes <= FREE {
            return Ok(None);
        }
        self.rooms(lane).arriving.take(holder, bytes).await.map(Some)
    }

    /// The same for one that did not say how large it is, of which so much arrived. What it takes beyond its first room it
    /// does not wait for: who holds room and waits for more would wait for others who do the same.
    pub async fn arrive_on(
        &self,
        lane: Lane,
        holder: &impl Deref<Target = Holder>,
        room: Option<Turn>,
        arrived: usize,
    ) -> Result<Option<Turn>, AppError> {
        let Some(mut room) = room else { return self.arrive(lane, holder, round_up(arrived)).await };
        if room.grow(round_up(arrived)) { Ok(Some(room)) } else { Err(too_many(BODIES)) }
    }

    /// Room for what becomes of a body.
    pub async fn work(
        &self,
        lane: Lane,
        holder: &impl Deref<Target = Holder>,
        body: &[u8],
    ) -> Result<Option<Turn>, AppError> {
        if body.len() <= FREE {
            return Ok(None);
        }
        let values = ensure_few_values(body)?;
        let rooms = self.rooms(lane);
        let room = if body.len() <= USUAL { &rooms.usual } else { &rooms.large };
        room.take(holder, weight(body.len(), values)).await.map(Some)
    }

    const fn rooms(&self, lane: Lane) -> &Rooms {
        match lane {
            Lane::Known => &self.known,
            Lane::Anonymous => &self.anonymous,
        }
    }
}

impl Rooms {
    fn new(bytes: usize, patience: Duration) -> Self {
        let room = |bytes| Room::new(bytes, patience);
        Self { arriving: room(bytes / 4), usual: room(bytes / 4), large: room(bytes / 2) }
    }
}

impl Room {
    fn new(bytes: usize, patience: Duration) -> Self {
        let (of_each, of_all) = (bytes / 2, bytes);
        let turns = Turns::new(TurnRules { what: BODIES, of_each, of_all, patience });
        Self { turns, of_each: u32::try_from(of_each).unwrap_or(u32::MAX) }
    }

    /// What weighs more than a holder may have has to be the only one.
    async fn take(&self, holder: &Holder, weight: usize) -> Result<Turn, AppError> {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX).min(self.of_each);
        self.turns.turn_of(holder, weight).await
    }
}

/// So that a body that grows asks for room seldom.
const fn round_up(bytes: usize) -> usize {
    if bytes <= FREE { bytes } else { bytes.next_power_of_two() }
}

/// What becomes of a body, in bytes.
const fn weight(bytes: usize, values: usize) -> usize {
    bytes * OF_A_BYTE + values * OF_A_VALUE
}

/// Refuses a JSON text of too many values; gives how many it has at most.
pub fn ensure_few_values(text: &[u8]) -> Result<usize, AppError> {
    let values = values(text);
    if values <= MOST_VALUES {
        return Ok(values);
    }
    let message = format!("The body must hold at most {MOST_VALUES} values, not {values}; send fewer at once");
    Err(AppError::new(ErrorCode::PayloadTooLarge, message))
}

/// How many values a body has at most: JSON has one more than it has these signs outside its strings.
fn values(body: &[u8]) -> usize {
    let (mut values, mut in_string, mut escaped) = (0, false, false);
    for byte in body {
        if in_string {
            (in_string, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
        } else {
            in_string = *byte == b'"';
            values += usize::from(matches!(byte, b',' | b'[' | b'{'));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> Holder {
        Holder::Client(name.parse().unwrap())
    }

    fn body(bytes: usize) -> Vec<u8> {
        vec![b'x'; bytes]
    }

    #[tokio::test(start_paused = true)]
    async fn one_client_has_half_of_the_room_another_the_rest_and_more_is_refused_until_one_ends() {
        let bodies = Bodies::new(64 << 20, Duration::from_secs(5));
        // Room for large ones: 24 MiB. Each of these takes 6.
        let large = body(1 << 20);
        let (one, two, three) = (client("one"), client("two"), client("three"));
        let take = async |holder: &Holder| bodies.work(Lane::Known, &holder, &large).await.map(|turn| turn.unwrap());
        let held = [take(&one).await.unwrap(), take(&one).await.unwrap()];
        let refused = take(&one).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::Overloaded, Some(Duration::from_secs(1))));
        let others = [take(&two).await.unwrap(), take(&two).await.unwrap()];
        assert_eq!(take(&three).await.unwrap_err().code, ErrorCode::Overloaded);
        // Neither smaller ones nor those without a token are concerned.
        bodies.work(Lane::Known, &&one, &body(USUAL)).await.unwrap();
        bodies.work(Lane::Known, &&one, &body(FREE)).await.unwrap();
        bodies.work(Lane::Anonymous, &&one, &body(USUAL + 1)).await.unwrap();
        drop(held);
        take(&three).await.unwrap();
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_body_takes_as_much_room_as_it_has_bytes() {
        let bodies = Bodies::new(64 << 20, Duration::from_secs(5));
        let (one, large) = (client("one"), body(2 << 20));
        let mut held = bodies.work(Lane::Known, &&one, &large).await.unwrap().unwrap();
        assert_eq!(bodies.work(Lane::Known, &&one, &large).await.unwrap_err().code, ErrorCode::Overloaded);
        held.shrink(0);
        bodies.work(Lane::Known, &&one, &large).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_say_how_large_it_is_takes_what_arrives() {
        let bodies = Bodies::new(1 << 20, Duration::from_secs(5));
        // 96 KiB for one client.
        let one = client("one");
        let arrive = async |room, bytes| bodies.arrive_on(Lane::Known, &&one, room, bytes).await;
        assert!(arrive(None, FREE).await.unwrap().is_none());
        let small = arrive(None, FREE + 1).await.unwrap();
        let grown = arrive(small, 60_000).await.unwrap();
        let other = arrive(None, 20_000).await.unwrap();
        assert_eq!(arrive(other, 40_000).await.unwrap_err().code, ErrorCode::Overloaded);
        drop(grown);
        arrive(None, 60_000).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_many_values_weighs_more_than_one_of_long_texts_and_one_beyond_all_room_is_taken_alone() {
        let weigh = |body: &[u8]| weight(body.len(), values(body));
        assert!(weigh(&b"0,".repeat(1000)) > 20 * weigh(&body(2000)));
        // What stands in a string is no value.
        assert_eq!(values(br#"{"a,[{\",\\":[0,"{,"]}"#), 3);
        let bodies = Bodies::new(1 << 20, Duration::from_secs(5));
        let (one, beyond) = (client("one"), b"0,".repeat(MOST_VALUES));
        let _held = bodies.work(Lane::Known, &&one, &beyond).await.unwrap();
        assert_eq!(bodies.work(Lane::Known, &&one, &beyond).await.unwrap_err().code, ErrorCode::Overloaded);
        let too_many = b"0,".repeat(MOST_VALUES + 1);
        assert_eq!(bodies.work(Lane::Known, &&one, &too_many).await.unwrap_err().code, ErrorCode::PayloadTooLarge);
    }
}
