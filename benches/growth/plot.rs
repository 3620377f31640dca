//! Draws a series, with one panel for each measured quantity.

use crate::series::{Line, Series, grouped};
use jwtd_testkit::measured::Outcome;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The growth factor above which a scale is logarithmic.
const STEEP: f64 = 20.0;

/// Writes the SVG file.
pub(crate) fn draw(path: &Path, series: &Series) -> Outcome<()> {
    let mut text = String::new();
    paint(&mut text, series).map_err(|error| error.to_string())?;
    std::fs::write(path, text)?;
    Ok(())
}

fn paint(text: &mut String, series: &Series) -> Result<(), Box<dyn Error>> {
    let panels = series.lines.len().max(1);
    let width = u32::try_from(panels)? * 360;
    let area = SVGBackend::with_string(text, (width, 300)).into_drawing_area();
    area.fill(&WHITE)?;
    for (area, line) in area.split_evenly((1, panels)).iter().zip(&series.lines) {
        panel(area, line, series.axis)?;
    }
    area.present()?;
    Ok(())
}

fn panel(area: &Area<'_>, line: &Line, axis: &str) -> Result<(), Box<dyn Error>> {
    let places = || line.points.iter().map(|(at, _)| f64::from(*at));
    let (first, last) = (places().fold(f64::MAX, f64::min), places().fold(1.0, f64::max));
    let x = (first / 1.5..last * 1.5).log_scale();
    let top = line.points.iter().map(|(_, spread)| spread.greatest).fold(0.0, f64::max);
    let bottom = line.points.iter().map(|(_, spread)| spread.least).fold(top, f64::min);
    let mut chart = ChartBuilder::on(area);
    chart
        .caption(format!("{},{}", line.what, line.unit), ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(56);
    if top > bottom * STEEP {
        let y = (bottom / 2.0..top * 2.0).log_scale();
        fill(&mut chart.build_cartesian_2d(x, y)?, line, axis)
    } else {
        fill(&mut chart.build_cartesian_2d(x, 0.0..top * 1.15)?, line, axis)
    }
}

fn fill<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    line: &Line,
    axis: &str,
) -> Result<(), Box<dyn Error>>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mesh = WHITE.mix(0.0);
    chart
        .configure_mesh()
        .light_line_style(mesh)
        .x_labels(7)
        .y_labels(6)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| {
            if *y < 10.0 { format!("{y:.1}") } else { grouped(y.round() as u32) }
        })
        .x_desc(axis)
        .label_style(("sans-serif", 14))
        .draw()?;
    let middles = line.points.iter().map(|(at, spread)| (f64::from(*at), spread.middle));
    chart.draw_series(LineSeries::new(middles.clone(), BLUE.stroke_width(2)))?;
    chart.draw_series(middles.map(|place| Circle::new(place, 3, BLUE.filled())))?;
    chart.draw_series(line.points.iter().map(|(at, spread)| {
        let at = f64::from(*at);
        PathElement::new(vec![(at, spread.least), (at, spread.greatest)], BLUE)
    }))?;
    Ok(())
}

/// Shortens a number, so that a million fits below its line.
fn short(number: f64) -> String {
    match number {
        1e6.. => format!("{}M", number / 1e6),
        1e3.. => format!("{}k", number / 1e3),
        _ => format!("{number}"),
    }
}
