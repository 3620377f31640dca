//! Figures and the limits of the design, as a table and as JSON.

use jwtd_testkit::bench::Figure;
use jwtd_testkit::bench::columns;
use serde_json::{Value, json};

/// One row of the table.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: Option<Figure>,
    /// The baseline server, plain loop or idle daemon that was measured alternately.
    pub(crate) beside: Option<Figure>,
    pub(crate) ratio: Option<Figure>,
    pub(crate) budget: Option<Budget>,
    /// The reason why there is no figure.
    pub(crate) skipped: Option<&'static str>,
}

/// A figure, and the limit that the design sets for it.
pub(crate) struct Budget {
    pub(crate) value: f64,
    pub(crate) limit: Limit,
}

/// A lower or upper limit, with its unit.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

impl Limit {
    pub(crate) fn of(self, value: f64) -> Option<Budget> {
        Some(Budget { value, limit: self })
    }
}

impl Budget {
    fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtMost(most, _) => self.value <= most,
            Limit::AtLeast(least, _) => self.value >= least,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(most, unit) => write!(formatter, "at most {most}{unit}"),
            Self::AtLeast(least, unit) => write!(formatter, "at least {least}{unit}"),
        }
    }
}

pub(crate) fn print(rows: &[Row]) {
    let heads = ["", "measured", "floor, bare or idle", "ratio", "budget", ""];
    let cells = rows.iter().map(|row| {
        let show = |figure: &Option<Figure>| figure.map(|one| one.to_string()).unwrap_or_default();
        let (limit, met) = match &row.budget {
            None => (String::new(), ""),
            Some(one) => (one.limit.to_string(), if one.is_met() { "met" } else { "NOT MET" }),
        };
        let measured = row.skipped.map_or_else(|| show(&row.measured), str::to_owned);
        vec![row.what.clone(), measured, show(&row.beside), show(&row.ratio), limit, met.to_owned()]
    });
    let lines: Vec<Vec<String>> =
        std::iter::once(heads.map(str::to_owned).to_vec()).chain(cells).collect();
    columns::print(&lines);
    let budgets = rows.iter().filter_map(|row| row.budget.as_ref());
    let (met, all) = (budgets.clone().filter(|one| one.is_met()).count(), budgets.count());
    println!("\n{met} of {all} budgets met");
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "what": row.what,
            "measured": row.measured.map(Figure::json),
            "beside": row.beside.map(Figure::json),
            "ratio": row.ratio.map(Figure::json),
            "budget": row.budget.as_ref().map(|one| one.limit.to_string()),
            "skipped": row.skipped,
        })
    };
    rows.iter().map(row).collect()
}
