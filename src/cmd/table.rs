//! Tables for people.

use super::terminal;
use crate::escape::escaped;
use std::io::IsTerminal as _;

/// The width of a line, in characters.
const WIDTH: usize = 100;

/// The gap between two columns, in characters.
const GAP: usize = 2;

/// Prints rows under a head, each cell escaped, each column as wide as its widest cell. If standard
/// output is a terminal and NO_COLOR is not set, the cell in column `marked` is green in good rows
/// and red in bad ones. Rows may be neither.
///
/// Cells that do not fit into a line are printed below it, under the name of their column. A word
/// that is longer than a line is not broken, because people copy it.
pub(super) fn print<Mark: Copy + Into<Option<bool>>>(
    head: &[&str],
    rows: &[(Mark, Vec<String>)],
    marked: usize,
) {
    let colored = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layout = Layout::new(head, rows.iter().map(|(_, row)| escape(row)).collect());
    terminal::styled(&layout.line(&layout.head, |_, cell| cell.to_owned()));
    for ((mark, _), row) in rows.iter().zip(&layout.rows) {
        let good = (*mark).into().filter(|_| colored);
        let paint = |column, cell: &str| match good.filter(|_| column == marked) {
            Some(true) => format!("\x1b[32m{cell}\x1b[0m"),
            Some(false) => format!("\x1b[31m{cell}\x1b[0m"),
            None => cell.to_owned(),
        };
        terminal::styled(&layout.line(row, paint));
        layout.below(row).iter().for_each(|line| terminal::styled(line));
    }
}

fn escape(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| escaped(cell).into_owned()).collect()
}

/// The cells, and the columns that fit into a line.
struct Layout {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The widths of the columns that fit.
    widths: Vec<usize>,
}

impl Layout {
    fn new(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        let head: Vec<_> = head.iter().map(|name| (*name).to_owned()).collect();
        let width = |(column, name): (usize, &String)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).chain([name.len()]).max().unwrap_or(0)
        };
        let all = head.iter().enumerate().map(width);
        let mut taken = 0;
        let fits = |width: &usize| {
            taken += width + if taken > 0 { GAP } else { 0 };
            taken <= WIDTH
        };
        let widths = all.take_while(fits).collect();
        Self { head, rows, widths }
    }

    /// Formats the columns of a row.
    fn line(&self, row: &[String], paint: impl Fn(usize, &str) -> String) -> String {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&self.widths).enumerate() {
            line.push_str(&paint(column, cell));
            line.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + GAP));
        }
        line.trim_end().to_owned()
    }

    /// Formats the cells that do not fit into the line of a row.
    fn below(&self, row: &[String]) -> Vec<String> {
        let cells = self.head.iter().zip(row).skip(self.widths.len());
        let cells = cells.filter(|(_, cell)| !cell.is_empty());
        cells.flat_map(|(name, cell)| wrapped(&format!("    {name}: "), cell)).collect()
    }
}

/// Wraps a text after `start`; further lines are indented to the start of the text.
pub(super) fn wrapped(start: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(start.chars().count().min(WIDTH / 2));
    let (mut lines, mut line) = (Vec::new(), start.to_owned());
    let mut begun = false;
    for word in text.split(' ') {
        let length = line.chars().count() + word.chars().count() + usize::from(begun);
        if begun && length > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(head: &[&str], rows: &[&[&str]]) -> Vec<String> {
        let rows = rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect());
        let layout = Layout::new(head, rows.collect());
        let line = |row: &[String]| layout.line(row, |_, cell| cell.to_owned());
        let rows = layout.rows.iter().flat_map(|row| [vec![line(row)], layout.below(row)].concat());
        [vec![line(&layout.head)], rows.collect()].concat()
    }

    #[test]
    fn what_fits_stands_in_columns() {
        let lines = layout(&["a", "word", "c"], &[&["1", "x", "y"], &["22", "", "z"]]);
        assert_eq!(lines, ["a   word  c", "1   x     y", "22        z"]);
        let exactly = "x".repeat(WIDTH - 1 - GAP);
        assert_eq!(layout(&["a", "b"], &[&["1", &exactly]])[1], format!("1  {exactly}"));
    }

    #[test]
    fn what_does_not_fit_stands_below_its_row() {
        let long = ["some words"; 12].join(" ");
        let lines =
            layout(&["#", "verdict", "detail"], &[&["1", "refuse", &long], &["2", "permit", ""]]);
        assert_eq!(lines[..2], ["#  verdict", "1  refuse"]);
        assert!(lines[2].starts_with("    detail: some words some words"), "{lines:?}");
        assert!(lines[3].starts_with("            some words"), "{lines:?}");
        assert_eq!(lines.last().unwrap(), "2  permit");
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        // A word is not broken.
        let word = "w".repeat(150);
        let lines = layout(&["#", "detail"], &[&["1", &word]]);
        assert_eq!(lines[2], format!("    detail: {word}"));
    }
}
