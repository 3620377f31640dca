//! The spread of a number over several rounds.

/// The median, minimum and maximum of some numbers.
#[derive(Clone, Copy)]
pub struct Spread {
    pub middle: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    pub fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let at = |place: usize| numbers.get(place).copied().unwrap_or(f64::NAN);
        let last = numbers.len().saturating_sub(1);
        Self {
            middle: (at(last / 2) + at(last.div_ceil(2))) / 2.0,
            least: at(0),
            greatest: at(last),
        }
    }
}
