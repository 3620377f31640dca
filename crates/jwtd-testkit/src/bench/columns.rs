//! Prints lines of text in aligned columns.

pub fn print(lines: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.len()).max().unwrap_or(0)
    };
    for line in lines {
        let cells = line.iter().enumerate();
        let cells: Vec<_> =
            cells.map(|(column, cell)| format!("{cell:width$}", width = width(column))).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
