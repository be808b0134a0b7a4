//! The thread that writes the log, and the queue before it.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use paylent_domain::text::is_unsafe_in_text;
use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait to be written.
const WAITING: usize = 8_192;
/// How many bytes are written at once, about.
const BATCH: usize = 64 * 1024;
/// How long the end of the process waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(2);

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Takes lines for the thread that writes them.
pub(super) struct Lines(SyncSender<Message>);

/// Waits for the lines logged so far.
pub struct Flush(SyncSender<Message>);

impl Flush {
    /// Returns when they are written; after two seconds, or at once when the queue is full, without them.
    pub fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        if self.0.try_send(Message::Flush(done)).is_ok() {
            let _ = is_done.recv_timeout(PATIENCE);
        }
    }
}

/// Starts the thread.
pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Lines, Flush)> {
    let (queue, waiting) = sync_channel(WAITING);
    thread::Builder::new().name("log".to_owned()).spawn(move || write(&waiting, sink))?;
    Ok((Lines(queue.clone()), Flush(queue)))
}

/// Writes what comes, several lines at once when they come fast. What cannot be written is lost: there is nowhere to
/// say so.
fn write(waiting: &Receiver<Message>, mut sink: impl Write) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = waiting.recv() {
        let mut next = Some(first);
        let mut flushed = Vec::new();
        while let Some(message) = next {
            match message {
                Message::Line(line) => batch.extend_from_slice(&line),
                Message::Flush(done) => flushed.push(done),
            }
            next = if batch.len() < BATCH { waiting.try_recv().ok() } else { None };
        }
        let _ = sink.write_all(&batch).and_then(|()| sink.flush());
        batch.clear();
        for done in flushed {
            let _ = done.try_send(());
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// Takes one whole event for each `write`, as `tracing_subscriber::fmt` gives it.
impl Write for &Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Message::Line(one_line(event))).is_err() {
            metrics::counter!("log_lines_dropped_total").increment(1);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The event as one line: control characters, and marks that reverse the direction of reading, in the escaped form of
/// JSON. Nobody who gets a value into the log can forge a line or speak to the terminal.
fn one_line(event: &[u8]) -> Vec<u8> {
    let event = event.strip_suffix(b"\n").unwrap_or(event);
    let text = String::from_utf8_lossy(event);
    let mut line = Vec::with_capacity(event.len() + 1);
    if text.contains(is_unsafe_in_text) {
        for c in text.chars() {
            match c {
                '\n' => line.extend_from_slice(b"\\n"),
                c if is_unsafe_in_text(c) => line.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
                c => line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    } else {
        line.extend_from_slice(text.as_bytes());
    }
    line.push(b'\n');
    line
}
