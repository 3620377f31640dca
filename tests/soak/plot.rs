//! A plot of the whole run, as SVG.

use crate::Mark;
use crate::samples::Sample;
use std::fmt::Write as _;
use std::path::Path;

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 84.0;
const HEIGHT: f64 = 112.0;
const GAP: f64 = 40.0;

type Line = (&'static str, &'static str, fn(&Sample) -> f64);

const PANELS: [(&str, &[Line]); 5] = [
    (
        "memory, MiB",
        &[("resident", "#1f5fa8", |one| one.memory_mib), ("cache", "#8fb8de", |one| one.cache_mib)],
    ),
    ("descriptors", &[("open", "#5b4a9c", |one| one.descriptors)]),
    ("cores in use", &[("daemon", "#2a7f62", |one| one.cpu)]),
    ("verdicts a second, thousands", &[("checked", "#2a7f62", |one| one.verdicts / 1e3)]),
    (
        "latency of calls, ms",
        &[("p99", "#b3541e", |one| one.p99), ("p50", "#e0ac86", |one| one.p50)],
    ),
];

pub(crate) fn write(path: &Path, samples: &[Sample], marks: &[(f64, Mark)], title: &str) {
    let end = samples.last().map_or(1.0, |one| one.at).max(1.0);
    let height = TOP + PANELS.len() as f64 * (HEIGHT + GAP) + 16.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"30\" font-size=\"18\" font-weight=\"bold\">{title}</text>\n"
    );
    legend(&mut svg);
    let x = |at: f64| LEFT + at / end * (WIDTH - LEFT - RIGHT);
    for (number, (name, lines)) in PANELS.iter().enumerate() {
        let top = TOP + number as f64 * (HEIGHT + GAP);
        for (at, mark) in marks {
            draw(&mut svg, *mark, x(*at), top, |seconds| x((at + f64::from(seconds)).min(end)));
        }
        panel(&mut svg, name, lines, samples, top, x);
        times(&mut svg, end, top + HEIGHT, x);
    }
    svg.push_str("</svg>\n");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(path, svg).unwrap();
}

fn panel(
    svg: &mut String,
    name: &str,
    lines: &[Line],
    samples: &[Sample],
    top: f64,
    x: impl Fn(f64) -> f64,
) {
    // An outlier in the first seconds is due to the start and is not scaled to, but every later
    // peak is shown.
    let rest = samples.get(5..).unwrap_or(samples);
    let most = lines.iter().flat_map(|(_, _, part)| rest.iter().map(part)).fold(0.0, f64::max);
    let step = step(most.max(1e-3) * 1.05);
    let full = (most.max(1e-3) * 1.05 / step).ceil() * step;
    let y = |value: f64| top + HEIGHT - value.min(full) / full * HEIGHT;
    let mut value = 0.0;
    while value <= full + step / 2.0 {
        let line = y(value);
        writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{line:.1}\" y2=\"{line:.1}\" stroke=\"#e4e4e4\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#777\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            line + 4.0,
            (value * 100.0).round() / 100.0
        )
        .unwrap();
        value += step;
    }
    writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{name}</text>", top - 8.0)
        .unwrap();
    for (place, (label, colour, part)) in lines.iter().enumerate() {
        let mut points = String::new();
        for one in samples {
            write!(points, "{:.1},{:.1} ", x(one.at), y(part(one))).unwrap();
        }
        writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.4\" \
             stroke-linejoin=\"round\"/>"
        )
        .unwrap();
        if lines.len() > 1 {
            let at = WIDTH - RIGHT - 90.0 * (lines.len() - place) as f64 + 30.0;
            writeln!(
                svg,
                "<text x=\"{at}\" y=\"{}\" fill=\"{colour}\" font-weight=\"bold\">{label}</text>",
                top - 8.0
            )
            .unwrap();
        }
    }
}

fn times(svg: &mut String, end: f64, bottom: f64, x: impl Fn(f64) -> f64) {
    let minutes = step(end / 60.0 * 0.5);
    let mut minute = 0.0;
    while minute * 60.0 <= end {
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#777\">{} min</text>",
            x(minute * 60.0),
            bottom + 16.0,
            (minute * 100.0).round() / 100.0
        )
        .unwrap();
        minute += minutes;
    }
}

/// A round number that divides `most` into two to five parts.
fn step(most: f64) -> f64 {
    let power = 10f64.powf((most / 2.0).log10().floor());
    let fits = [5.0, 2.0, 1.0].into_iter().find(|one| one * power * 2.0 <= most);
    fits.unwrap_or(1.0) * power
}

const KINDS: [(Mark, &str, &str, &str); 5] = [
    (Mark::Rotation, "key rotated", "#9db7d5", ""),
    (Mark::Surprise, "key used unannounced", "#1f5fa8", "5 3"),
    (Mark::Reload, "configuration changed", "#2f9e44", ""),
    (Mark::Broken, "broken configuration pushed", "#d6336c", "2 2"),
    (Mark::Outage(0), "second issuer down", "#e9ecef", ""),
];

fn draw(svg: &mut String, mark: Mark, x: f64, top: f64, until: impl Fn(u32) -> f64) {
    if let Mark::Outage(seconds) = mark {
        let width = until(seconds) - x;
        writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"#eceef0\"/>"
        )
        .unwrap();
        return;
    }
    let Some((_, _, colour, dashes)) = KINDS.iter().find(|(kind, ..)| *kind == mark) else {
        return;
    };
    writeln!(
        svg,
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{}\" stroke=\"{colour}\" \
         stroke-dasharray=\"{dashes}\"/>",
        top + HEIGHT
    )
    .unwrap();
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    for (mark, name, colour, dashes) in KINDS {
        if matches!(mark, Mark::Outage(_)) {
            writeln!(svg, "<rect x=\"{x}\" y=\"43\" width=\"18\" height=\"12\" fill=\"{colour}\"/>")
        } else {
            writeln!(
                svg,
                "<line x1=\"{x}\" x2=\"{}\" y1=\"49\" y2=\"49\" stroke=\"{colour}\" \
                 stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
                x + 18.0
            )
        }
        .unwrap();
        writeln!(svg, "<text x=\"{}\" y=\"53\">{name}</text>", x + 24.0).unwrap();
        x += 44.0 + 6.6 * name.len() as f64;
    }
}
