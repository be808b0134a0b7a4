//! The thread that writes the log, and the lines that wait for it.
//!
//! A request only appends to memory. The thread wakes for the first line, gathers what comes in the next moment, and
//! writes it all at once: waking it for every line would cost more than the request's own work.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use paylent_domain::text::is_unsafe_in_text;
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait to be written.
const WAITING: usize = 2 * 1024 * 1024;
/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(50);
/// How long the end of the process waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Lines that wait to be written.
    waiting: Vec<u8>,
    /// Whether lines are being written just now.
    writing: bool,
    /// Whether somebody waits for all lines to be written.
    hurry: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes lines for the thread that writes them.
pub(super) struct Lines(Arc<Shared>);

/// Waits for the lines logged so far.
pub struct Flush(Arc<Shared>);

impl Flush {
    /// Returns when they are written; after two seconds without them.
    pub fn flush(&self) {
        let mut state = self.0.lock();
        state.hurry = true;
        self.0.changed.notify_all();
        let unwritten = |state: &mut State| state.writing || !state.waiting.is_empty();
        let waited = self.0.changed.wait_timeout_while(state, PATIENCE, unwritten);
        waited.unwrap_or_else(PoisonError::into_inner).0.hurry = false;
    }
}

/// Starts the thread.
pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Lines, Flush)> {
    let shared = Arc::new(Shared::default());
    let lines = shared.clone();
    thread::Builder::new().name("log".to_owned()).spawn(move || write(&lines, sink))?;
    Ok((Lines(shared.clone()), Flush(shared)))
}

/// Writes what comes until the end of the process. What cannot be written is lost: there is nowhere to say so.
fn write(shared: &Shared, mut sink: impl Write) {
    let mut batch = Vec::new();
    loop {
        let state = shared.changed.wait_while(shared.lock(), |state| state.waiting.is_empty());
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let gathered = shared.changed.wait_timeout_while(state, GATHER, |state| !state.hurry);
        let mut state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        mem::swap(&mut state.waiting, &mut batch);
        state.writing = true;
        drop(state);
        let _ = sink.write_all(&batch).and_then(|()| sink.flush());
        batch.clear();
        shared.lock().writing = false;
        shared.changed.notify_all();
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
        let mut state = self.0.lock();
        if state.waiting.len() + event.len() > WAITING {
            drop(state);
            metrics::counter!("log_lines_dropped_total").increment(1);
            return Ok(event.len());
        }
        let is_first = state.waiting.is_empty();
        append_line(event, &mut state.waiting);
        drop(state);
        if is_first {
            self.0.changed.notify_all();
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Adds the event as one line: control characters, and marks that reverse the direction of reading, in the escaped form
/// of JSON. Nobody who gets a value into the log can forge a line or speak to the terminal.
fn append_line(event: &[u8], line: &mut Vec<u8>) {
    let event = event.strip_suffix(b"\n").unwrap_or(event);
    if event.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        line.extend_from_slice(event);
    } else {
        for c in String::from_utf8_lossy(event).chars() {
            match c {
                '\n' => line.extend_from_slice(b"\\n"),
                c if is_unsafe_in_text(c) => line.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
                c => line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    line.push(b'\n');
}
