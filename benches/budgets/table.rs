//! What was measured, beside what is allowed.

/// One line of the table.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) beside: String,
    pub(crate) ratio: String,
    pub(crate) budget: String,
    /// Nothing where there is no budget.
    pub(crate) met: Option<bool>,
}

/// The middle of some numbers, and the least and the greatest.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) middle: f64,
    least: f64,
    greatest: f64,
}

impl Spread {
    pub(crate) fn of(numbers: impl Iterator<Item = f64>) -> Self {
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

    pub(crate) fn show(self, sign: &str, unit: &str) -> String {
        let Self { middle, least, greatest } = self;
        format!("{sign}{middle:.2}{unit} ({least:.2} to {greatest:.2})")
    }
}

pub(crate) fn print(rows: &[Row]) {
    let heads = ["", "measured", "floor or bare", "ratio", "budget", ""];
    let cells = rows.iter().map(|row| {
        let met = match row.met {
            None => "",
            Some(true) => "met",
            Some(false) => "NOT MET",
        };
        let Row { what, measured, beside, ratio, budget, .. } = row;
        [what, measured, beside, ratio, budget, met]
    });
    let lines: Vec<[&str; 6]> =
        std::iter::once(heads).chain(cells.map(|line| line.map(AsRef::as_ref))).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.len()).max().unwrap_or(0)
    };
    for line in &lines {
        let cells = line.iter().enumerate();
        let cells: Vec<_> =
            cells.map(|(column, cell)| format!("{cell:width$}", width = width(column))).collect();
        println!("{}", cells.join("  ").trim_end());
    }
    let budgets = rows.iter().filter_map(|row| row.met);
    let (met, all) = (budgets.clone().filter(|met| *met).count(), budgets.count());
    println!("\n{met} of {all} budgets met");
}
