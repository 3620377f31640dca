//! What was measured, beside what is allowed.

use crate::columns;

/// One line of the table.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) beside: String,
    pub(crate) ratio: String,
    /// What the two limits are about.
    pub(crate) value: f64,
    /// What the design allows.
    pub(crate) budget: Option<Limit>,
    /// What `--check` allows: so generous that a noisy machine passes, and that no
    /// regression of twice does.
    pub(crate) band: Option<Limit>,
}

/// One side of a range, in a unit.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

impl Limit {
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most, _) => value <= most,
            Self::AtLeast(least, _) => value >= least,
        }
    }

    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::AtMost(_, unit) | Self::AtLeast(_, unit) => unit,
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
        let met = match row.budget.map(|budget| budget.holds(row.value)) {
            None => "",
            Some(true) => "met",
            Some(false) => "NOT MET",
        };
        let Row { what, measured, beside, ratio, .. } = row;
        let budget = row.budget.map(|budget| budget.to_string()).unwrap_or_default();
        vec![what.clone(), measured.clone(), beside.clone(), ratio.clone(), budget, met.to_owned()]
    });
    let lines: Vec<Vec<String>> =
        std::iter::once(heads.map(str::to_owned).to_vec()).chain(cells).collect();
    columns::print(&lines);
    let budgets = rows.iter().filter_map(|row| row.budget.map(|budget| budget.holds(row.value)));
    let (met, all) = (budgets.clone().filter(|met| *met).count(), budgets.count());
    println!("\n{met} of {all} budgets met");
}
