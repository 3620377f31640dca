//! `--check`: whether all rows are within their bands.

use crate::child::Outcome;
use crate::table::{Limit, Row};

/// The rows, and what is wrong with them. Where a row is out of its band, its group is
/// measured once more: the machine may have had something else to do for a moment.
pub(crate) fn judge(measure: impl Fn() -> Outcome<Vec<Row>>) -> Outcome<(Vec<Row>, Vec<String>)> {
    let rows = measure()?;
    let first: Vec<_> = rows.iter().filter_map(fault).collect();
    if first.is_empty() {
        return Ok((rows, Vec::new()));
    }
    for (_, text) in &first {
        println!("out of its band, measured once more: {text}");
    }
    let again = measure()?;
    let faults = again.iter().filter_map(fault);
    let faults = faults.filter(|(row, _)| first.iter().any(|(before, _)| before == row));
    let faults = faults.map(|(_, text)| text).collect();
    println!();
    Ok((again, faults))
}

pub(crate) fn print(rows: &[Row], faults: &[String]) {
    let banded = rows.iter().filter(|row| row.band.is_some()).count();
    println!("{} of {banded} within their bands", banded.saturating_sub(faults.len()));
    for fault in faults {
        println!("out of its band, twice: {fault}");
    }
}

/// The name of the row, and how it is out of its band.
fn fault(row: &Row) -> Option<(String, String)> {
    let band = row.band.filter(|band: &Limit| !band.holds(row.value))?;
    let text = format!("{} is {:.2}{}, band {band}", row.what, row.value, band.unit());
    Some((row.what.clone(), text))
}
