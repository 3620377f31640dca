//! Tables for people.

use super::terminal;
use crate::escape::escaped;
use std::io::IsTerminal as _;

/// Prints rows under a head, each cell escaped, each column as wide as its widest cell. The cell in
/// column `marked` is green in rows that are good and red in bad ones, if standard
/// output is a terminal and NO_COLOR is not set. Rows may be neither.
pub(super) fn print<Mark: Copy + Into<Option<bool>>>(
    head: &[&str],
    rows: &[(Mark, Vec<String>)],
    marked: usize,
) {
    let cells = |(good, row): &(Mark, Vec<String>)| -> (Mark, Vec<String>) {
        (*good, row.iter().map(|cell| escaped(cell).into_owned()).collect())
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let cells = rows.iter().filter_map(|(_, row)| row.get(column));
            cells.map(|cell| cell.chars().count()).chain([name.len()]).max().unwrap_or(0)
        })
        .collect();
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let line = |cells: &[&str], good: Option<bool>| {
        let mut text = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()) + 2);
            match good.filter(|_| colour && column == marked) {
                Some(true) => text.push_str(&format!("\x1b[32m{cell}\x1b[0m{gap}")),
                Some(false) => text.push_str(&format!("\x1b[31m{cell}\x1b[0m{gap}")),
                None => text.push_str(&format!("{cell}{gap}")),
            }
        }
        terminal::styled(text.trim_end());
    };
    line(head, None);
    for (good, row) in &rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>(), (*good).into());
    }
}
