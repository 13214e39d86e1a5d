//! Who makes room for whom.

use super::*;

fn connections(connections: usize, per_address: usize) -> Arc<Connections> {
    let timeouts = Timeouts { header: Duration::MAX, idle: Duration::MAX, write: Duration::MAX };
    let trusted_proxies = vec!["10.0.0.1/32".parse().unwrap()];
    Connections::new(Capacity { connections, per_address, trusted_proxies }, timeouts)
}

fn open(connections: &Arc<Connections>, address: &str) -> Result<Counted, Refused> {
    connections.open(address.parse().unwrap())
}

#[tokio::test]
async fn one_address_leaves_room_for_others_and_a_proxy_counts_in_all_only() {
    let connections = connections(6, 2);
    let held: Vec<_> = (0..2).map(|_| open(&connections, "2001:db8::1").unwrap()).collect();
    assert_eq!(open(&connections, "2001:db8::2").unwrap().connection.beyond, Some(Refused::Address));
    let proxied: Vec<_> = (0..4).map(|_| open(&connections, "10.0.0.1").unwrap()).collect();
    assert!(proxied.iter().all(|counted| counted.connection.beyond.is_none()));
    assert!(open(&connections, "10.0.0.1").unwrap().connection.beyond.is_some());
    drop(held);
    assert!(open(&connections, "2001:db8::2").unwrap().connection.beyond.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_waits_longest_for_a_next_request_makes_room() {
    let connections = connections(10, 3);
    let held: Vec<_> = (0..3).map(|_| open(&connections, "192.0.2.1").unwrap()).collect();
    for answered in [2, 0] {
        tokio::time::advance(Duration::from_secs(1)).await;
        held[answered].connection.begin_answer();
        held[answered].connection.end_answer();
    }
    let _next = open(&connections, "192.0.2.1").unwrap();
    let evicted = || held.iter().map(|counted| counted.connection.is_evicted()).collect::<Vec<_>>();
    assert_eq!(evicted(), [false, false, true]);
    let _next = open(&connections, "192.0.2.1").unwrap();
    assert_eq!(evicted(), [true, false, true]);
    // What is at work stays, and so does a head until it is overdue.
    assert_eq!(open(&connections, "192.0.2.1").unwrap().connection.beyond, Some(Refused::Address));
    tokio::time::advance(OVERDUE).await;
    let _next = open(&connections, "192.0.2.1").unwrap();
    assert_eq!(evicted(), [true, true, true]);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_the_silent_ones_make_room_for_a_health_check() {
    let connections = connections(1, 1);
    let first = open(&connections, "192.0.2.1").unwrap();
    first.connection.begin_answer();
    let mut beyond = Vec::new();
    for n in 0..RESERVED {
        tokio::time::advance(Duration::from_millis(1)).await;
        beyond.push(open(&connections, &format!("198.51.100.{n}")).unwrap());
    }
    let check = open(&connections, "203.0.113.7").unwrap();
    assert!(check.connection.beyond.is_some() && beyond[0].connection.is_evicted());
    beyond.iter().chain([&check]).for_each(|counted| counted.connection.begin_answer());
    assert_eq!(open(&connections, "203.0.113.8").err(), Some(Refused::Full));
    drop(first);
    assert!(open(&connections, "203.0.113.8").unwrap().connection.beyond.is_none());
}

/// So many connections that wait for a next request, each a second longer than the one after it.
async fn idle(connections: &Arc<Connections>, address: &str, count: usize) -> Vec<Counted> {
    let mut held = Vec::new();
    for _ in 0..count {
        tokio::time::advance(Duration::from_secs(1)).await;
        let counted = open(connections, address).unwrap();
        counted.connection.begin_answer();
        counted.connection.end_answer();
        held.push(counted);
    }
    held
}

fn evicted(held: &[Counted]) -> Vec<bool> {
    held.iter().map(|counted| counted.connection.is_evicted()).collect()
}

#[tokio::test(start_paused = true)]
async fn where_there_are_too_many_in_all_the_address_that_has_the_most_makes_room() {
    let connections = connections(6, 10);
    // Whoever has few has waited longest, and the proxy's are those of many callers.
    let few = idle(&connections, "192.0.2.1", 1).await;
    let proxied = idle(&connections, "10.0.0.1", 3).await;
    let many = idle(&connections, "192.0.2.2", 2).await;
    let first = open(&connections, "192.0.2.3").unwrap();
    assert_eq!((evicted(&few), evicted(&proxied), evicted(&many)), (vec![false], vec![false; 3], vec![true, false]));
    // Now each counts for one: what waits longest makes room.
    let second = open(&connections, "192.0.2.4").unwrap();
    assert_eq!((evicted(&few), evicted(&proxied), evicted(&many)), (vec![true], vec![false; 3], vec![true, false]));
    let third = open(&connections, "192.0.2.5").unwrap();
    assert_eq!((evicted(&proxied), evicted(&many)), (vec![true, false, false], vec![true, false]));
    assert!([first, second, third].iter().all(|counted| counted.connection.beyond.is_none()));
}

#[tokio::test]
async fn a_stream_beside_the_first_takes_the_place_of_a_connection_until_it_ends() {
    let connections = connections(10, 3);
    let one = Arc::new(open(&connections, "192.0.2.1").unwrap());
    one.connection.begin_answer();
    let first = one.stream_slot().ok().unwrap();
    let idle = open(&connections, "192.0.2.1").unwrap();
    idle.connection.end_streams();
    let second = one.stream_slot().ok().unwrap();
    // The idle one makes room, and counts no more.
    let third = one.stream_slot().ok().unwrap();
    assert!(idle.connection.is_evicted());
    assert_eq!(one.stream_slot().err(), Some(Refused::Address));
    let beyond = Arc::new(open(&connections, "192.0.2.1").unwrap());
    assert_eq!(
        (beyond.connection.beyond, beyond.stream_slot().err()),
        (Some(Refused::Address), Some(Refused::Address))
    );
    assert!(open(&connections, "192.0.2.2").unwrap().connection.beyond.is_none());
    // Whichever ends first.
    drop(first);
    let fourth = one.stream_slot().ok().unwrap();
    assert_eq!(one.stream_slot().err(), Some(Refused::Address));
    drop((idle, second, third, fourth));
    let others = [open(&connections, "192.0.2.1").unwrap(), open(&connections, "192.0.2.1").unwrap()];
    assert!(others.iter().all(|counted| counted.connection.beyond.is_none()));
    let of_proxy = Arc::new(open(&connections, "10.0.0.1").unwrap());
    let slots: Vec<_> = (0..20).map_while(|_| of_proxy.stream_slot().ok()).collect();
    // Three of the other address, and one of the proxy, are not in these, but for the first.
    assert_eq!(slots.len(), 7);
}
