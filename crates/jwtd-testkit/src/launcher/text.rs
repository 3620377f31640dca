//! The output of a process, line by line.

use super::waiting::Watched;
use std::io::{BufRead as _, BufReader, Read};

/// The text that came through a pipe so far. A thread reads it to the end.
#[derive(Clone)]
pub struct Text(Watched<Written>);

#[derive(Default)]
struct Written {
    text: String,
    /// The process closed the pipe, which it does at its end.
    ended: bool,
}

impl Text {
    pub fn follow(pipe: impl Read + Send + 'static) -> Self {
        let text = Self(Watched::new(Written::default()));
        let own = text.clone();
        std::thread::spawn(move || {
            let (mut pipe, mut line) = (BufReader::new(pipe), Vec::new());
            // A line at a time, so that nobody sees half of one.
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                own.0.change(|written| written.text.push_str(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            own.0.change(|written| written.ended = true);
        });
        text
    }

    /// The text that was read so far.
    pub fn so_far(&self) -> String {
        self.0.read(|written| written.text.clone())
    }

    /// Blocks until `find` finds something in the text. Panics with the whole text once the
    /// process has ended without it.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let found = self.0.wait(|written| match find(&written.text) {
            Some(found) => Some(Ok(found)),
            None => written.ended.then_some(Err("the process ended without it")),
        });
        match found.unwrap_or(Err("waited in vain")) {
            Ok(found) => found,
            Err(why) => panic!("no {what}: {why}\n{}", self.so_far()),
        }
    }

    /// Blocks until the process closes the pipe, and gives the whole text.
    pub fn whole(&self) -> String {
        let whole = self.0.wait(|written| written.ended.then(|| written.text.clone()));
        whole.unwrap_or_else(|| panic!("the process does not end\n{}", self.so_far()))
    }
}
