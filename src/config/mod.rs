//! Floor 5+: the configuration file, in three stages: [`document`] keeps what was
//! written and where, [`schema`] says what may be written, `valid` makes
//! [`Config`], of types that cannot be wrong. All faults are found at once.

mod check;
pub mod document;
mod fault;
mod key_source;
pub mod schema;
mod units;
mod valid;

pub use fault::{Fault, Faults};
pub use key_source::LoadedKeys;
pub use units::{parse_bytes, parse_duration};
pub use valid::{Config, Listen, ServerLimits, SocketMode};

use std::path::Path;

/// Reads and checks the configuration file at `path`.
///
/// # Errors
/// All faults of it.
pub fn load(path: &Path) -> Result<Config, Faults> {
    /// No honest file comes near this.
    const MOST: u64 = 4 * 1024 * 1024;

    let read = key_source::read_bounded(path, MOST).map_err(|cause| {
        Faults::whole(path, format!("cannot be read: {cause}"), "give the path with `--config`")
    })?;
    let text = String::from_utf8(read)
        .map_err(|_| Faults::whole(path, "is not UTF-8".to_owned(), "save it as UTF-8"))?;
    parse(&text, path)
}

/// Checks the text of a configuration file. Relative paths in it start from the
/// folder of `path`.
///
/// # Errors
/// All faults of it.
pub fn parse(text: &str, path: &Path) -> Result<Config, Faults> {
    let mut faults = Faults::new(path, text);
    let Some(root) = document::parse(text, &mut faults) else {
        return Err(faults);
    };
    check::check(&root, &schema::ROOT, &mut faults);
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let config = valid::build(&root, folder, &mut faults);
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests;
