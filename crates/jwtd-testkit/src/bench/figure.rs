//! A measured quantity: its spread over several rounds and its unit.

use super::spread::Spread;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
pub struct Figure {
    pub spread: Spread,
    /// The unit as printed after the number, including the space: ` us`.
    pub unit: &'static str,
    /// True for a difference, which is printed with its sign.
    signed: bool,
}

impl Figure {
    pub fn new(spread: Spread, unit: &'static str) -> Self {
        Self { spread, unit, signed: false }
    }

    pub fn one(number: f64, unit: &'static str) -> Self {
        Self::new(Spread::of(std::iter::once(number)), unit)
    }

    pub fn difference(spread: Spread, unit: &'static str) -> Self {
        Self { spread, unit, signed: true }
    }

    pub fn json(self) -> Value {
        let Spread { middle, least, greatest } = self.spread;
        json!({ "unit": self.unit.trim(), "median": middle, "min": least, "max": greatest })
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Spread { middle, least, greatest } = self.spread;
        let (sign, unit) = (if self.signed && middle >= 0.0 { "+" } else { "" }, self.unit);
        let digits = if middle.abs() >= 1000.0 { 0 } else { 2 };
        write!(formatter, "{sign}{middle:.digits$}{unit}")?;
        if least < greatest {
            write!(formatter, " ({least:.digits$} to {greatest:.digits$})")?;
        }
        Ok(())
    }
}
