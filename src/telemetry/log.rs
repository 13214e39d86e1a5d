//! Log lines on their way to stderr: never waited for, and never the end of anything.
//!
//! A line is put into a buffer in memory, and a thread of its own writes it. So a reader that stalls, a disk that is full
//! or a pipe whose other end is gone costs lines, which are counted, and nothing else.
//!
//! Our own rather than `tracing-appender`'s: that one counts no line that fails to be written, bounds its buffer by lines
//! alone, and prints to stdout when it ends with a full buffer.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// What a pipe takes as a whole (`PIPE_BUF`): lines of several processes that share one are not mixed.
const WHOLE: usize = 4096;

/// How long to wait before a descriptor that takes nothing right now (`O_NONBLOCK`) is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// How long a line waits for others. Without it each request under load wakes the thread for its one line, which takes more of the
/// processor than the line itself.
const GATHER: Duration = Duration::from_millis(1);

/// The buffer. Cloning shares it.
#[derive(Debug, Clone)]
pub struct LogWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    written: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    /// Bytes that were taken out of here and are not written yet.
    in_hand: usize,
    /// Whether the thread has not come back for more.
    is_busy: bool,
}

impl LogWriter {
    /// Writes to stderr from a thread of its own, with at most so many bytes waiting.
    pub fn to_stderr(limit: usize) -> io::Result<Self> {
        // A descriptor of our own: nobody holds a lock on it, and unlike the standard library's it tells every failure.
        Self::start(File::from(io::stderr().as_fd().try_clone_to_owned()?), limit)
    }

    fn start(out: impl Write + Send + 'static, limit: usize) -> io::Result<Self> {
        let shared = Shared {
            limit,
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            written: Condvar::new(),
            dropped: AtomicU64::new(0),
        };
        let writer = Self(Arc::new(shared));
        let worker = Worker { out, shared: Arc::clone(&writer.0), is_torn: false, lacks_break: false, told: 0 };
        thread::Builder::new().name("log".to_owned()).spawn(move || worker.run())?;
        Ok(writer)
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, but no longer than this: whoever reads may have stalled.
    pub fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut waiting = self.0.lock();
        while waiting.is_busy || !waiting.text.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.0.written.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Adds whole lines, unless there is no room for them.
    pub fn push(&self, lines: &[u8]) {
        let mut waiting = self.0.lock();
        if waiting.in_hand + waiting.text.len() + lines.len() > self.0.limit {
            drop(waiting);
            self.0.dropped.fetch_add(count_lines(lines), Ordering::Relaxed);
            return;
        }
        let was_empty = waiting.text.is_empty();
        waiting.text.extend_from_slice(lines);
        drop(waiting);
        if was_empty {
            self.0.arrived.notify_one();
        }
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// `tracing_subscriber` writes each event as a whole.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Nothing in here can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's side.
struct Worker<W> {
    out: W,
    shared: Arc<Shared>,
    /// Whether of the line at hand a part is written.
    is_torn: bool,
    /// Whether the last line was dropped with a part of it written: the next one needs a break before it.
    lacks_break: bool,
    /// How many dropped lines the log itself tells of.
    told: u64,
}

impl<W: Write> Worker<W> {
    fn run(mut self) {
        let mut text = Vec::new();
        loop {
            self.take(&mut text);
            let is_written = self.write_lines(&text);
            text.clear();
            let mut waiting = self.shared.lock();
            waiting.in_hand = 0;
            // Where there is hardly any room, what would be told would be dropped itself.
            let has_room = waiting.text.len() <= self.shared.limit / 2;
            drop(waiting);
            if is_written && has_room {
                self.tell_dropped();
            }
        }
    }

    /// Takes all that waits and what comes soon after, for which it waits.
    fn take(&self, text: &mut Vec<u8>) {
        let mut waiting = self.shared.lock();
        waiting.is_busy = false;
        if waiting.text.is_empty() {
            self.shared.written.notify_all();
        }
        while waiting.text.is_empty() {
            waiting = self.shared.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        drop(waiting);
        thread::sleep(GATHER);
        let mut waiting = self.shared.lock();
        std::mem::swap(&mut waiting.text, text);
        waiting.in_hand = text.len();
        waiting.is_busy = true;
    }

    /// Writes lines; those that cannot be written are dropped and counted. Tells whether the last one was written.
    fn write_lines(&mut self, mut text: &[u8]) -> bool {
        let mut is_written = false;
        while !text.is_empty() {
            let written = if self.lacks_break { self.write_once(b"\n").map(|_| 0) } else { self.write_some(text) };
            match written {
                Ok(0) => self.lacks_break = false,
                Ok(count) => {
                    self.is_torn = text[count - 1] != b'\n';
                    text = &text[count..];
                    is_written = true;
                }
                Err(_) => {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    self.lacks_break |= std::mem::take(&mut self.is_torn);
                    let end = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| at + 1);
                    text = &text[end..];
                    is_written = false;
                }
            }
        }
        is_written
    }

    /// Writes what it can of whole lines, or of one that is longer.
    fn write_some(&mut self, text: &[u8]) -> io::Result<usize> {
        let whole = text[..text.len().min(WHOLE)].iter().rposition(|&byte| byte == b'\n');
        let first = || text.iter().position(|&byte| byte == b'\n');
        let end = whole.or_else(first).map_or(text.len(), |at| at + 1);
        self.write_once(&text[..end])
    }

    fn write_once(&mut self, text: &[u8]) -> io::Result<usize> {
        loop {
            match self.out.write(text) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(BUSY_PAUSE),
                Err(error) => return Err(error),
            }
        }
    }

    /// Tells of lines dropped since it was last told, once lines can be written again.
    fn tell_dropped(&mut self) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        if dropped > self.told {
            tracing::warn!(
                target: "log",
                lines = dropped - self.told,
                "log lines were dropped: what reads stderr was gone, full or too slow"
            );
            self.told = dropped;
        }
    }
}

fn count_lines(text: &[u8]) -> u64 {
    text.split_inclusive(|&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// What writing gives, piece by piece: so many bytes are taken, or none and it fails.
    struct Scripted {
        script: Receiver<Option<usize>>,
        written: Sender<String>,
    }

    impl Write for Scripted {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            // Without a further line of the script it takes everything.
            let count = self.script.try_recv().unwrap_or(Some(text.len()));
            let count = count.ok_or(io::ErrorKind::StorageFull)?.min(text.len());
            self.written.send(String::from_utf8(text[..count].to_vec()).unwrap()).unwrap();
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(script: &[Option<usize>], lines: &str) -> (String, u64) {
        let ((steps, script_of), (written, seen)) = (channel(), channel());
        for step in script {
            steps.send(*step).unwrap();
        }
        let log = LogWriter::start(Scripted { script: script_of, written }, 1 << 20).unwrap();
        log.push(lines.as_bytes());
        log.flush(Duration::from_mins(10));
        (seen.try_iter().collect(), log.dropped())
    }

    #[test]
    fn a_line_that_fails_is_dropped_and_the_next_one_is_tried() {
        assert_eq!(written(&[None], "one\ntwo\nthree\n"), ("two\nthree\n".to_owned(), 1));
        assert_eq!(written(&[None, None, None], "one\ntwo\nthree\n"), (String::new(), 3));
    }

    #[test]
    fn a_line_that_was_written_in_part_is_ended_before_the_next_one() {
        assert_eq!(written(&[Some(6), None], "one\ntwo\nthree\n"), ("one\ntw\nthree\n".to_owned(), 1));
        // Also where that break fails at first.
        assert_eq!(written(&[Some(6), None, None], "one\ntwo\nthree\nfour\n"), ("one\ntw\nfour\n".to_owned(), 2));
        assert_eq!(written(&[Some(2), Some(3)], "one\ntwo\n"), ("one\ntwo\n".to_owned(), 0));
    }

    #[test]
    fn a_line_longer_than_all_room_is_dropped_at_once() {
        let log = LogWriter::start(io::sink(), 10).unwrap();
        log.push(b"more than ten\n");
        assert_eq!(log.dropped(), 1);
        log.push(b"ten at all");
        assert_eq!(log.dropped(), 1);
    }
}
