//! The output of a process, line by line.

use super::waiting::{Watched, until_blocking};
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;

/// The text that a process has written so far.
#[derive(Clone)]
pub struct Text(Source);

#[derive(Clone)]
enum Source {
    /// A thread reads the pipe to its end.
    Pipe(Watched<Written>),
    /// The process writes to the file itself.
    File(PathBuf),
}

#[derive(Default)]
struct Written {
    text: String,
    /// The process has closed the pipe, which happens when it exits.
    ended: bool,
}

impl Text {
    /// The text of a process that writes nothing.
    pub fn empty() -> Self {
        Self(Source::Pipe(Watched::new(Written { text: String::new(), ended: true })))
    }

    /// The text of this file, once it exists.
    pub fn file(path: PathBuf) -> Self {
        Self(Source::File(path))
    }

    pub fn follow(pipe: impl Read + Send + 'static) -> Self {
        let written = Watched::new(Written::default());
        let own = written.clone();
        std::thread::spawn(move || {
            let (mut pipe, mut line) = (BufReader::new(pipe), Vec::new());
            // Adds whole lines, so that nobody sees half of one.
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                own.change(|written| written.text.push_str(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            own.change(|written| written.ended = true);
        });
        Self(Source::Pipe(written))
    }

    /// The text read so far.
    pub fn so_far(&self) -> String {
        match &self.0 {
            Source::Pipe(written) => written.read(|written| written.text.clone()),
            Source::File(path) => std::fs::read_to_string(path).unwrap_or_default(),
        }
    }

    /// Blocks until `find` returns a value. Panics with the whole text if the process closes the
    /// pipe before that.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let Source::Pipe(written) = &self.0 else {
            return until_blocking(what, || find(&self.so_far()));
        };
        let found = written.wait(|written| match find(&written.text) {
            Some(found) => Some(Ok(found)),
            None => written.ended.then_some(Err("the process ended without it")),
        });
        match found.unwrap_or(Err("waited in vain")) {
            Ok(found) => found,
            Err(why) => panic!("no {what}: {why}\n{}", self.so_far()),
        }
    }

    /// Blocks until the process closes the pipe, and returns the whole text. A file is complete
    /// once the process has exited.
    pub fn whole(&self) -> String {
        let Source::Pipe(written) = &self.0 else { return self.so_far() };
        let whole = written.wait(|written| written.ended.then(|| written.text.clone()));
        whole.unwrap_or_else(|| panic!("the process does not end\n{}", self.so_far()))
    }
}
