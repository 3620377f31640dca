//! Shared tools of the fuzz targets: a second, simple reader of everything that jwtd reads, a world
//! of fixed keys, and a memory measurement.
//!
//! A target checks more than the absence of panics. Where it can, it reads the input a second time
//! by other means and compares both results, in both directions.

pub mod json;
pub mod memory;
pub mod naive;
pub mod targets;
pub mod world;
