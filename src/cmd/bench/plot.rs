//! Draws the latency distribution. The only file that names `plotters`.

use super::report::{Report, time};
use crate::files;
use plotters::prelude::*;
use std::path::Path;

/// Checks before the measurement that the file can be written.
///
/// # Errors
/// If it cannot.
pub(super) fn try_file(path: &Path) -> Result<(), String> {
    files::append(path, 0o644)
        .map(|_| ())
        .map_err(|error| format!("{}: {}", path.display(), files::words::of_io(&error)))
}

/// Writes an SVG of the latency of the slowest share of messages, from one half on the left to a
/// tiny fraction on the right.
///
/// # Errors
/// If no message was answered, or the file cannot be written.
pub(super) fn draw(path: &Path, report: &Report) -> Result<(), String> {
    let none =
        || format!("{}: no message was answered, so there is nothing to draw", path.display());
    let latency = report.tally.latency.as_ref().filter(|one| !one.is_empty()).ok_or_else(none)?;
    let most = latency.len() as f64;
    // At x = 1 one in ten is slower, at 2 one in a hundred, and so on.
    let last = most.log10().max(1.0);
    const STEPS: u32 = 400;
    let points = (0..=STEPS).map(|step| {
        let x = last * f64::from(step) / f64::from(STEPS);
        let nanoseconds = latency.value_at_quantile(1.0 - 10f64.powf(-x));
        (x, nanoseconds as f64)
    });
    let points: Vec<(f64, f64)> = points.collect();
    let top = latency.max() as f64 * 1.05;
    let mut text = String::new();
    paint(&mut text, &report.title(), &points, last, top)
        .map_err(|_| format!("{}: the plot cannot be drawn", path.display()))?;
    files::replace(path, 0o644, text.as_bytes())
        .map_err(|error| format!("{}: {}", path.display(), files::words::of_io(&error)))
}

fn paint(
    text: &mut String,
    title: &str,
    points: &[(f64, f64)],
    last: f64,
    top: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(text, (960, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 14))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..last, 0.0..top)?;
    chart
        .configure_mesh()
        .x_labels(last as usize + 1)
        .x_label_formatter(&|x| percentile(*x))
        .y_label_formatter(&|y| time(*y as u64))
        .x_desc("percentile of the messages")
        .y_desc("latency")
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), BLUE.stroke_width(2)))?;
    area.present()?;
    Ok(())
}

/// Formats the percentile at `x`: 90, 99, 99.9 and so on.
fn percentile(x: f64) -> String {
    let decimals = if x > 2.0 { (x - 2.0).ceil() as usize } else { 0 };
    format!("{:.decimals$}%", 100.0 * (1.0 - 10f64.powf(-x)))
}
