//! Tools for the benchmarks: keys, tokens of a fixed length, direct calls of the crypto libraries,
//! and figures with their spread.

pub mod bare;
pub mod columns;
mod figure;
pub mod form;
mod issuers;
mod spread;
pub mod tokens;

pub use figure::Figure;
pub use issuers::issuers;
pub use spread::Spread;
