//! The results of a long suite in the format that `.ci/full` reads, and the load of the machine,
//! which influences measurements.

use std::fs::OpenOptions;
use std::io::Write as _;

/// The environment variable that names the file to append results to. Without it a suite only
/// prints its table.
const FILE: &str = "JWTD_RESULTS";

/// Appends the result of one check; `Err` holds the failure. The columns are those of
/// `tests/interop/lib.sh`: client, version, transport, what, result, note.
///
/// # Panics
/// If the file cannot be written: a suite whose results are lost has proven nothing.
pub fn report(client: &str, what: &str, result: Result<&str, &str>) {
    let Some(path) = std::env::var_os(FILE) else { return };
    let (word, note) = match result {
        Ok(note) => ("passed", note),
        Err(wrong) => ("FAILED", wrong),
    };
    let cell = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = format!("{client}\t-\t-\t{}\t{word}\t{}\n", cell(what), cell(note));
    let file = OpenOptions::new().append(true).create(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|error| panic!("{FILE}={}: {error}", path.display()));
}

/// The load of the machine, for a row that missed its limit: a reader must be able to distinguish a
/// slow daemon from a busy machine.
pub fn machine_load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let pressure = std::fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let stalled = pressure.split_whitespace().find_map(|word| word.strip_prefix("avg10="));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "machine: {} runnable in the last minute on {cores} cores, {} % of the last 10 s a task waited for one",
        load.split(' ').next().unwrap_or("?"),
        stalled.unwrap_or("?"),
    )
}
