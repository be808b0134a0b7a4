use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use super::{subscriber, writer};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(json: bool, events: impl FnOnce()) -> String {
    let sink = Sink::default();
    let (lines, flush) = writer::start(sink.clone()).unwrap();
    tracing::subscriber::with_default(subscriber(json, "info", lines).unwrap(), events);
    flush.flush();
    let written = sink.0.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

#[test]
fn a_line_of_text_says_level_message_and_fields() {
    let log = logged(false, || tracing::info!(request_id = "r1", status = 200, "request"));
    assert!(log.contains("INFO") && log.contains("request request_id=\"r1\" status=200"), "{log}");
    assert_eq!(log.lines().count(), 1);
}

#[test]
fn a_line_of_json_is_an_object_with_the_event_and_its_span() {
    let log = logged(true, || {
        let _span = tracing::info_span!("request", request_id = "r1").entered();
        tracing::info!(status = 200, "answered");
    });
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(line["message"], "answered");
    assert_eq!(line["status"], 200);
    assert_eq!(line["span"]["request_id"], "r1");
    assert_eq!(line["level"], "INFO");
}

#[test]
fn a_value_cannot_forge_a_line_or_speak_to_the_terminal() {
    let evil = "x\nINFO forged\r\u{1b}[2J\u{9b}31m\u{202e}\u{85}";
    for json in [false, true] {
        let log = logged(json, || {
            tracing::info!(by_debug = ?evil, by_display = %evil, text = evil, "{evil}");
        });
        let line = log.strip_suffix('\n').unwrap();
        let escaped = |c: char| !c.is_control() && c != '\u{202e}';
        assert!(line.chars().all(escaped), "{line:?}");
        if json {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["text"], evil);
        }
    }
}

#[test]
fn events_below_the_filter_are_not_logged() {
    assert_eq!(logged(true, || tracing::debug!("quiet")), "");
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (lines, flush) = writer::start(Full).unwrap();
    tracing::subscriber::with_default(subscriber(true, "info", lines).unwrap(), || tracing::info!("lost"));
    flush.flush();
}

#[test]
fn a_log_that_is_stuck_drops_lines_and_stops_nobody() {
    struct Stuck(std::sync::mpsc::Receiver<()>, Sink);
    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (release, released) = std::sync::mpsc::channel();
    let sink = Sink::default();
    let (lines, flush) = writer::start(Stuck(released, sink.clone())).unwrap();
    let events = 5_000;
    let padding = "x".repeat(1_000);
    tracing::subscriber::with_default(subscriber(true, "info", lines).unwrap(), || {
        (0..events).for_each(|number| tracing::info!(number, padding));
    });
    drop(release);
    while sink.0.lock().unwrap().is_empty() {}
    flush.flush();
    let written = sink.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count();
    assert!((1..events).contains(&written), "{written}");
}
