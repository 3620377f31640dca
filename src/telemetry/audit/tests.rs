//! Records that are rotated, moved, stuck and refused.

use super::*;
use crate::clock::VirtualClock;
use crate::jose::UnixTime;
use std::fs;
use std::path::PathBuf;

#[derive(Debug)]
struct Line(usize);

impl Record for Line {
    fn bytes(&self) -> usize {
        self.0
    }

    fn write(&self, sequence: u64, lines: &mut Vec<u8>) {
        let text = format!("{sequence}{}\n", ".".repeat(self.0));
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

/// Waits, however long it takes, until everything is written.
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
    // A folder stands where the second file would go.
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
    // Removed, and nobody told: when it is full a new one is begun.
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

/// A log whose sink cannot be opened again: a folder stands in the place of its file.
fn stuck(folder: &Folder, refuses: bool) -> (VirtualClock, AuditLog<Line>, Arc<Metrics>) {
    let time = VirtualClock::at(UnixTime::from_seconds(0));
    let (log, metrics) = start_at(folder.sink(1 << 20, 2), 100, refuses, time.clock());
    fs::remove_file(folder.0.join("a")).unwrap();
    fs::create_dir(folder.0.join("a")).unwrap();
    log.reopen();
    (time, log, metrics)
}

/// Mends the sink, and lets the thread that writes try it again.
fn mend(folder: &Folder, time: &VirtualClock) {
    time.wait_for_sleeper(time.clock().monotonic() + PAUSE);
    fs::remove_dir(folder.0.join("a")).unwrap();
    time.advance(PAUSE);
}

#[test]
fn what_does_not_fit_is_dropped_with_its_number() {
    let folder = Folder::new("stuck");
    let (time, log, metrics) = stuck(&folder, false);
    for _ in 0..10 {
        log.push([Line(30)]);
    }
    assert_eq!(metrics.audit_records.dropped.get(), 7, "three fit");
    assert_eq!(log.flush_within(Duration::ZERO), 3, "they wait");
    mend(&folder, &time);
    flush(&log);
    log.push([Line(1)]);
    flush(&log);
    assert_eq!(folder.numbers("a"), [1, 2, 3, 11], "the loss is a gap");
}

#[test]
fn where_nothing_may_be_lost_what_does_not_fit_is_refused_before() {
    let folder = Folder::new("refused");
    let (time, log, metrics) = stuck(&folder, true);
    for _ in 0..3 {
        let room = log.take_room(30).unwrap();
        log.push([Line(30)]);
        drop(room);
    }
    assert_eq!(log.take_room(30).unwrap_err(), NoRoom { limit: 100 });
    mend(&folder, &time);
    flush(&log);
    assert!(log.take_room(30).is_ok());
    assert_eq!((folder.numbers("a"), metrics.audit_records.dropped.get()), (vec![1, 2, 3], 0));
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
    mend(&folder, &time);
    flush(&log);
    assert_eq!(folder.numbers("a"), [1]);
}

#[test]
fn what_another_user_could_have_laid_is_not_written_to() {
    let folder = Folder::new("laid");
    let (log, elsewhere) = (folder.0.join("a"), folder.0.join("elsewhere"));
    fs::write(&elsewhere, "kept\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    let open = || Open::new(folder.sink(50, 2)).map(|_| ()).unwrap_err().to_string();
    assert!(open().contains("symbolic link"), "{}", open());
    fs::remove_file(&log).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&log).status().unwrap().success());
    assert!(open().contains("named pipe"), "{}", open());
    fs::remove_file(&log).unwrap();
    // Links in the places of files that were put aside are moved, and not followed.
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
