//! What the fuzz targets share: a second, plain way to read what jwtd reads, a world of
//! fixed keys, and a measure of memory.
//!
//! A target says more than "it did not panic". Where it can, it reads the input a second
//! time with other means and holds both answers against each other, in both directions.

pub mod json;
pub mod memory;
pub mod naive;
pub mod targets;
pub mod world;
