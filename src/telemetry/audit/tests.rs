//! Tests of rotation, of moved files, of stuck sinks and of refused records.

use super::writer::PAUSE;
use super::*;
use crate::clock::VirtualClock;
use jwtd_core::jose::UnixTime;
use std::fs;
use std::path::PathBuf;

#[derive(Debug)]
struct Line(usize);

/// The length of a record that panics when it is written.
const PANICS: usize = usize::MAX;

/// The length of a record that panics when it is dropped.
const PANICS_LATER: usize = usize::MAX - 1;

impl Drop for Line {
    fn drop(&mut self) {
        assert!(self.0 != PANICS_LATER || std::thread::panicking(), "a bug");
    }
}

impl Record for Line {
    fn bytes(&self) -> usize {
        self.0.min(1 << 10)
    }

    fn write(&self, sequence: u64, lines: &mut Vec<u8>) {
        lines.extend_from_slice(b"half");
        assert!(self.0 != PANICS, "a bug");
        lines.truncate(lines.len() - 4);
        let text = format!("{sequence}{}\n", ".".repeat(self.bytes()));
        lines.extend_from_slice(text.as_bytes());
    }
}

struct Folder(PathBuf, #[expect(dead_code, reason = "removed with it")] crate::files::Folder);

impl Folder {
    fn new(_test: &str) -> Self {
        let folder = crate::files::Folder::temporary().unwrap();
        Self(folder.path().to_owned(), folder)
    }

    fn sink(&self, max_bytes: u64, keep: u32) -> AuditSink {
        AuditSink::File { path: self.0.join("a"), max_bytes, keep }
    }

    fn numbers(&self, file: &str) -> Vec<u64> {
        let text = fs::read_to_string(self.0.join(file)).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "a line is torn: {text}");
        text.lines().map(|line| line.trim_end_matches('.').parse().unwrap()).collect()
    }
}

fn start(sink: AuditSink, most: usize, refuses: bool) -> (AuditLog<Line>, Arc<Metrics>) {
    start_at(sink, most, refuses, Clock::system())
}

fn start_at(
    sink: AuditSink,
    most: usize,
    refuses: bool,
    clock: Clock,
) -> (AuditLog<Line>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    (AuditLog::start(sink, most, refuses, Arc::clone(&metrics), clock).unwrap(), metrics)
}

/// Waits without a timeout until everything is written.
fn flush(log: &AuditLog<Line>) {
    assert_eq!(log.flush_within(Duration::MAX), 0);
}

#[test]
fn files_are_rotated_by_size_at_the_end_of_a_line() {
    let folder = Folder::new("rotate");
    let (log, metrics) = start(folder.sink(50, 2), 1 << 20, false);
    for _ in 0..20 {
        log.push([Line(10)]);
        flush(&log);
    }
    let numbers = ["a.2", "a.1", "a"].map(|file| folder.numbers(file));
    assert_eq!(numbers.concat(), (12..=20).collect::<Vec<_>>());
    assert!(!folder.0.join("a.3").exists());
    assert_eq!(metrics.audit_records.written.get(), 20);
}

#[test]
fn half_a_line_of_another_process_swallows_none_of_ours() {
    let folder = Folder::new("torn");
    fs::write(folder.0.join("a"), "1.........\n2....").unwrap();
    let (log, _) = start(folder.sink(1 << 20, 2), 1 << 20, false);
    log.push([Line(1)]);
    flush(&log);
    assert_eq!(fs::read_to_string(folder.0.join("a")).unwrap(), "1.........\n2....\n1.\n");
}

#[test]
fn a_file_that_cannot_be_put_aside_grows() {
    let folder = Folder::new("grows");
    // A folder blocks the name of the second rotated file.
    fs::create_dir_all(folder.0.join("a.2/x")).unwrap();
    let (log, _) = start(folder.sink(50, 2), 1 << 20, false);
    for _ in 0..12 {
        log.push([Line(10)]);
        flush(&log);
    }
    assert_eq!(folder.numbers("a.1"), (1..=4).collect::<Vec<_>>());
    assert_eq!(folder.numbers("a"), (5..=12).collect::<Vec<_>>());
    assert!(!folder.0.join("a.0").exists());
}

#[test]
fn what_was_put_aside_halfway_is_kept_and_what_is_gone_is_made_anew() {
    let folder = Folder::new("halfway");
    fs::write(folder.0.join("a.0"), "77\n").unwrap();
    let (log, _) = start(folder.sink(50, 3), 1 << 20, false);
    for _ in 0..5 {
        log.push([Line(10)]);
        flush(&log);
    }
    let files = ["a.2", "a.1", "a"].map(|file| folder.numbers(file));
    assert_eq!(files, [vec![77], vec![1, 2, 3, 4], vec![5]]);
    // The file was removed without notice: a new one is started at the next rotation.
    fs::remove_file(folder.0.join("a")).unwrap();
    for _ in 0..4 {
        log.push([Line(10)]);
        flush(&log);
    }
    assert!(!folder.numbers("a").is_empty());
}

#[test]
fn a_file_that_was_moved_is_made_anew_when_told() {
    let folder = Folder::new("reopen");
    let (log, _) = start(folder.sink(1 << 20, 2), 1 << 20, false);
    log.push([Line(1)]);
    flush(&log);
    fs::rename(folder.0.join("a"), folder.0.join("moved")).unwrap();
    log.push([Line(1)]);
    flush(&log);
    log.reopen();
    log.push([Line(1)]);
    flush(&log);
    assert_eq!((folder.numbers("moved"), folder.numbers("a")), (vec![1, 2], vec![3]));
}

/// A log whose sink cannot be reopened, because a folder blocks its path.
fn stuck(folder: &Folder, refuses: bool) -> (VirtualClock, AuditLog<Line>, Arc<Metrics>) {
    let time = VirtualClock::at(UnixTime::from_seconds(0));
    let (log, metrics) = start_at(folder.sink(1 << 20, 2), 100, refuses, time.clock());
    fs::remove_file(folder.0.join("a")).unwrap();
    fs::create_dir(folder.0.join("a")).unwrap();
    log.reopen();
    (time, log, metrics)
}

/// Repairs the sink, and lets the writer thread retry.
fn repair(folder: &Folder, time: &VirtualClock) {
    time.wait_for_sleeper(time.clock().monotonic() + PAUSE);
    fs::remove_dir(folder.0.join("a")).unwrap();
    time.advance(PAUSE);
}

#[test]
fn r83_what_does_not_fit_is_dropped_with_its_number() {
    let folder = Folder::new("stuck");
    let (time, log, metrics) = stuck(&folder, false);
    for _ in 0..10 {
        log.push([Line(30)]);
    }
    assert_eq!(metrics.audit_records.dropped.get(), 7, "three fit");
    assert_eq!(log.flush_within(Duration::ZERO), 3, "they wait");
    repair(&folder, &time);
    flush(&log);
    log.push([Line(1)]);
    flush(&log);
    assert_eq!(folder.numbers("a"), [1, 2, 3, 11], "the loss is a gap");
}

#[test]
fn r83_where_nothing_may_be_lost_what_does_not_fit_is_refused_before() {
    let folder = Folder::new("refused");
    let (time, log, metrics) = stuck(&folder, true);
    let rooms = [60, 30].map(|bytes| log.take_room(bytes).unwrap());
    assert_eq!(log.take_room(30).unwrap_err(), NoRoom { limit: 100 });
    log.push([Line(30)]);
    drop(rooms);
    repair(&folder, &time);
    flush(&log);
    assert!(log.take_room(30).is_ok());
    assert_eq!((folder.numbers("a"), metrics.audit_records.dropped.get()), (vec![1], 0));
}

#[test]
fn r83_where_nothing_may_be_lost_calls_are_refused_while_nothing_can_be_written() {
    let folder = Folder::new("failing");
    let (time, log, _) = stuck(&folder, true);
    let room = log.take_room(30).unwrap();
    log.push([Line(30)]);
    drop(room);
    time.wait_for_sleeper(time.clock().monotonic() + PAUSE);
    assert_eq!(log.take_room(1).unwrap_err(), NoRoom { limit: 100 }, "there is room, and no sink");
    repair(&folder, &time);
    flush(&log);
    assert!(log.take_room(1).is_ok());
    // If records may be lost, no permit is needed.
    let folder = Folder::new("failing-drop");
    let (time, log, _) = stuck(&folder, false);
    log.push([Line(30)]);
    time.wait_for_sleeper(time.clock().monotonic() + PAUSE);
    assert!(log.take_room(1).is_ok());
    repair(&folder, &time);
}

#[test]
fn r83_a_record_that_panics_costs_no_other_and_is_counted() {
    let folder = Folder::new("panic");
    let (log, metrics) = start(folder.sink(1 << 20, 2), 1 << 20, true);
    let before = Duty::Audit.panics();
    log.push([Line(1), Line(PANICS), Line(2)]);
    flush(&log);
    log.push([Line(3)]);
    flush(&log);
    assert_eq!(folder.numbers("a"), [1, 3, 4], "the loss is a gap");
    let counted = &metrics.audit_records;
    assert_eq!((counted.written.get(), counted.dropped.get()), (3, 1));
    assert!(Duty::Audit.panics() > before);
    assert!(log.take_room(1).is_ok(), "the thread goes on");
    let shown = metrics.render();
    let count =
        shown.lines().find_map(|line| line.strip_prefix("jwtd_duty_panics_total{duty=\"audit\"} "));
    assert!(count.is_some_and(|count| count != "0"), "{shown}");
}

#[test]
fn r83_a_writer_that_panicked_goes_on_with_what_was_left() {
    let folder = Folder::new("left");
    let time = VirtualClock::at(UnixTime::from_seconds(0));
    let (log, _) = start_at(folder.sink(1 << 20, 2), 1 << 20, true, time.clock());
    log.push([Line(1), Line(PANICS_LATER), Line(2)]);
    let pause = Duration::from_millis(100);
    time.wait_for_sleeper(time.clock().monotonic() + pause);
    assert_eq!(log.take_room(1).unwrap_err(), NoRoom { limit: 1 << 20 }, "nobody writes");
    time.advance(pause);
    flush(&log);
    assert_eq!(folder.numbers("a"), [1, 2, 3], "none is lost");
    assert!(log.take_room(1).is_ok());
}

#[test]
fn a_sink_is_tried_again_after_each_pause() {
    let folder = Folder::new("again");
    let (time, log, _) = stuck(&folder, false);
    log.push([Line(30)]);
    for _ in 0..3 {
        time.wait_for_sleeper(time.clock().monotonic() + PAUSE);
        assert_eq!(log.flush_within(Duration::ZERO), 1);
        time.advance(PAUSE);
    }
    repair(&folder, &time);
    flush(&log);
    assert_eq!(folder.numbers("a"), [1]);
}

#[test]
fn what_another_user_could_have_laid_is_not_written_to() {
    let folder = Folder::new("laid");
    let (log, elsewhere) = (folder.0.join("a"), folder.0.join("elsewhere"));
    fs::write(&elsewhere, "kept\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    let open =
        || OpenSink::new(folder.sink(50, 2), Box::new(|| {})).map(|_| ()).unwrap_err().to_string();
    assert!(open().contains("symbolic link"), "{}", open());
    fs::remove_file(&log).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&log).status().unwrap().success());
    assert!(open().contains("named pipe"), "{}", open());
    fs::remove_file(&log).unwrap();
    // Links in place of rotated files are renamed, and not followed.
    for aside in ["a.0", "a.1", "a.2"] {
        std::os::unix::fs::symlink(&elsewhere, folder.0.join(aside)).unwrap();
    }
    let (log, _) = start(folder.sink(50, 2), 1 << 20, false);
    for _ in 0..12 {
        log.push([Line(10)]);
        flush(&log);
    }
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "kept\n");
    assert!(!folder.numbers("a.1").is_empty());
}

/// A record with a JSON text.
struct Text(&'static str);

impl Record for Text {
    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn write(&self, _sequence: u64, lines: &mut Vec<u8>) {
        serde_json::to_writer(&mut *lines, &serde_json::json!({ "subject": self.0 })).unwrap();
        lines.push(b'\n');
    }
}

#[test]
fn t71_lines_are_escaped_and_stay_equal_json() {
    let folder = Folder::new("escaped");
    let (metrics, clock) = (Arc::new(Metrics::new()), Clock::system());
    let sink = folder.sink(1 << 20, 2);
    let log = AuditLog::start(sink, 1 << 20, false, metrics, clock).unwrap();
    let texts = ["plain \\ \"", "\u{1b}[2J\u{9b}31m\u{7f}\n", "\u{202e}\u{2066}\u{200b}\u{2028}é"];
    log.push(texts.map(Text));
    assert_eq!(log.flush_within(Duration::MAX), 0);
    let written = fs::read_to_string(folder.0.join("a")).unwrap();
    let fine = |one: char| one == '\n' || one == 'é' || (' '..='~').contains(&one);
    assert!(written.chars().all(fine), "{written:?}");
    let read = written.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert!(read.map(|line| line["subject"].as_str().unwrap().to_owned()).eq(texts), "{written}");
}
