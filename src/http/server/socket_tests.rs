use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::advance;

use super::super::connection::Timeouts;
use super::*;

impl Transport for DuplexStream {}

const HEADER: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(75);
const WRITE: Duration = Duration::from_secs(10);

/// A socket that takes eight bytes, and its other end.
fn socket() -> (Socket<DuplexStream>, DuplexStream, Arc<Connection>) {
    let timeouts = Timeouts { header: HEADER, idle: IDLE, write: WRITE };
    let connection = Arc::new(Connection::new([192, 0, 2, 1].into(), None, timeouts));
    let (ours, theirs) = duplex(8);
    (Socket::new(ours, Arc::clone(&connection)), theirs, connection)
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_given_up_and_one_that_takes_a_little_now_and_then_is_not() {
    let (mut socket, mut peer, _) = socket();
    let writing = tokio::spawn(async move { socket.write_all(&[0; 100]).await });
    // Twenty times as long as one that takes nothing may stay.
    for _ in 0..50 {
        tokio::time::sleep(WRITE.mul_f32(0.99)).await;
        assert!(!writing.is_finished() && peer.read_u8().await.is_ok());
    }
    let before = Instant::now();
    let ended = writing.await.unwrap().unwrap_err();
    assert_eq!((ended.kind(), before.elapsed().as_secs()), (io::ErrorKind::TimedOut, WRITE.as_secs()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_have_another_limit_than_the_others() {
    let (mut socket, _peer, connection) = socket();
    connection.begin_answer();
    connection.set_write_timeout(Duration::from_secs(2));
    let before = Instant::now();
    assert!(socket.write_all(&[0; 100]).await.is_err());
    assert_eq!(before.elapsed().as_secs(), 2);
    connection.begin_answer();
    assert_eq!(connection.write_timeout(), WRITE);
}

#[tokio::test(start_paused = true)]
async fn a_head_a_pause_and_an_answer_have_limits_of_their_own() {
    let (mut socket, mut peer, connection) = socket();
    let before = Instant::now();
    peer.write_all(b"GET").await.unwrap();
    let mut bytes = [0; 8];
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 3);
    // No end of an answer: whoever waits for it waits for as long as it takes.
    connection.begin_answer();
    assert!(tokio::time::timeout(Duration::from_hours(1), socket.read(&mut bytes)).await.is_err());
    connection.end_answer();
    advance(IDLE).await;
    peer.write_all(b"GET").await.unwrap();
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 3, "the last moment that was announced");
    let begun = Instant::now();
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 0);
    assert!((HEADER..HEADER + Duration::from_millis(10)).contains(&begun.elapsed()), "{:?}", before.elapsed());
    let (mut socket, _peer, connection) = super::tests::socket();
    connection.end_answer();
    let begun = Instant::now();
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 0);
    assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs() + 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_has_to_make_room_ends_at_once() {
    let (mut socket, _peer, connection) = socket();
    connection.end_answer();
    let reading = tokio::spawn(async move { socket.read(&mut [0; 8]).await });
    tokio::task::yield_now().await;
    let before = Instant::now();
    connection.evict();
    assert_eq!((reading.await.unwrap().unwrap(), before.elapsed()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_closes_ends_idle_connections_at_once_and_lets_a_head_come_to_its_end() {
    let (mut socket, mut peer, connection) = socket();
    peer.write_all(b"GET").await.unwrap();
    let mut bytes = [0; 8];
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 3);
    connection.close();
    advance(Duration::from_secs(1)).await;
    peer.write_all(b" /").await.unwrap();
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 2);
    let reading = tokio::spawn(async move { socket.read(&mut [0; 8]).await });
    tokio::task::yield_now().await;
    let before = Instant::now();
    // The answer's head had left before it was known to be the last one.
    connection.begin_answer();
    connection.end_answer();
    assert_eq!((reading.await.unwrap().unwrap(), before.elapsed()), (0, Duration::ZERO));
    let (mut socket, _peer, connection) = super::tests::socket();
    connection.close();
    let begun = Instant::now();
    assert_eq!(socket.read(&mut bytes).await.unwrap(), 0);
    assert_eq!(begun.elapsed().as_secs(), 2, "nothing comes on it");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_pauses_keeps_its_connection_and_afterwards_it_ends_when_it_has_to_make_room() {
    let (socket, mut peer, connection) = socket();
    connection.begin_answer();
    connection.set_write_timeout(IDLE * 10);
    // Handed over, as hyper does with an answer of one piece, before a byte of it has left.
    connection.end_answer();
    let (mut reading, mut writing) = tokio::io::split(socket);
    let serving = tokio::spawn(async move {
        let mut byte = [0; 1];
        tokio::join!(reading.read(&mut byte), writing.write_all(&[0; 100]))
    });
    tokio::time::sleep(IDLE * 2).await;
    assert!(connection.is_stalled() && !serving.is_finished());
    connection.evict();
    tokio::time::sleep(IDLE).await;
    assert!(!serving.is_finished());
    peer.read_exact(&mut [0; 100]).await.unwrap();
    let before = Instant::now();
    let (read, written) = serving.await.unwrap();
    assert!(written.is_ok() && !connection.is_stalled());
    assert_eq!((read.unwrap(), before.elapsed()), (0, Duration::ZERO));
}
