//! Plots, in SVG.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::number::number;
use crate::mode::{Mode, System};
use crate::outcome::{Outcome, Verdict};
use crate::scaling::Drawn;
use crate::summary::Summary;

/// Ours, peers, and losses of ours.
const OURS: RGBColor = RGBColor(38, 115, 77);
const PEER: RGBColor = RGBColor(150, 160, 172);
const LOSS: RGBColor = RGBColor(190, 60, 50);

/// Lines of peers.
const OTHERS: [RGBColor; 6] = [
    RGBColor(217, 95, 2),
    RGBColor(117, 112, 179),
    RGBColor(231, 41, 138),
    RGBColor(166, 118, 29),
    RGBColor(31, 120, 180),
    RGBColor(80, 80, 80),
];

/// The height of a bar's row, and the width of a plot, in pixels.
const ROW: i32 = 20;
const WIDTH: i32 = 860;
/// The room for names before the bars, and for figures behind them.
const LEFT: i32 = 190;
const RIGHT: i32 = 130;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A bar for each mode of one workload: the median, and a line from the least to the largest.
pub fn modes(outcome: &Outcome) -> String {
    let unit = outcome.workload.unit;
    let summaries: Vec<_> = outcome
        .series
        .iter()
        .filter_map(|series| Some((series.mode, series.summary(unit)?)))
        .collect();
    let score = |summary: &Summary| summary.score(unit);
    let longest = summaries
        .iter()
        .map(|(_, summary)| score(summary))
        .fold(f64::MIN_POSITIVE, f64::max);
    let scale = f64::from(WIDTH - LEFT - RIGHT) / longest;
    svg(summaries.len(), |area| {
        for (row, (mode, summary)) in (0..).zip(&summaries) {
            let end = LEFT + (score(summary) * scale) as i32;
            let color = match mode.system {
                System::Runtime => OURS,
                _ => PEER,
            };
            label(area, row, &mode.path());
            bar(area, row, LEFT, end, color);
            let figure = format!("{} {}", number(unit, score(summary)), unit.name());
            text(area, row, end + 6, &figure, HPos::Left);
        }
    })
}

/// For each workload a bar of how many times better `ours` is than the best peer, on a scale of
/// powers: to the right of the middle is better, to the left is worse.
pub fn verdicts(outcomes: &[Outcome], ours: &Mode) -> String {
    let verdicts: Vec<(&str, Verdict)> = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome.workload.name, outcome.verdict(ours)?)))
        .collect();
    let power = |verdict: &Verdict| verdict.0.log2();
    let farthest = verdicts
        .iter()
        .map(|(_, verdict)| power(verdict).abs())
        .fold(1.0, f64::max);
    let half = f64::from(WIDTH - LEFT - 2 * RIGHT) / 2.0;
    let middle = LEFT + RIGHT + half as i32;
    svg(verdicts.len(), |area| {
        for (row, (name, verdict)) in (0..).zip(&verdicts) {
            let end = middle + (power(verdict) / farthest * half) as i32;
            let (color, beside, side) = match verdict.word() {
                "LOSS" => (LOSS, end - 6, HPos::Right),
                _ => (OURS, end + 6, HPos::Left),
            };
            label(area, row, name);
            bar(area, row, middle, end, color);
            text(area, row, beside, &verdict.to_string(), side);
        }
        let bottom = verdicts.len() as i32 * ROW;
        draw(
            area,
            &PathElement::new(vec![(middle, 0), (middle, bottom)], BLACK),
        );
    })
}

/// What an operation costs in each mode, by size; both axes are logarithmic.
pub fn curve(drawn: &Drawn) -> String {
    let figures: Vec<(&Mode, Vec<(u64, f64)>)> = drawn
        .modes()
        .map(|mode| (mode, drawn.figures(mode)))
        .collect();
    let all = || figures.iter().flat_map(|(_, figures)| figures);
    let (Some(first), Some(last)) = (
        all().map(|(size, _)| *size).min(),
        all().map(|(size, _)| *size).max(),
    ) else {
        return String::new();
    };
    let least = all().map(|(_, it)| *it).fold(f64::INFINITY, f64::min);
    let largest = all().map(|(_, it)| *it).fold(f64::MIN_POSITIVE, f64::max);
    let (least, largest) = (least.max(0.01) / 2.0, largest.max(0.1) * 2.0);
    let mut picture = String::new();
    {
        let size = (WIDTH as u32, 320);
        let area = SVGBackend::with_string(&mut picture, size).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .x_label_area_size(36)
            .y_label_area_size(70)
            .build_cartesian_2d((first..last + 1).log_scale(), (least..largest).log_scale())
            .expect("a string takes everything");
        chart
            .configure_mesh()
            .x_desc(drawn.curve.axis.name())
            .y_desc(drawn.points[0].1.workload.unit.name())
            .draw()
            .expect("a string takes everything");
        for (number, (mode, figures)) in figures.into_iter().enumerate() {
            let color = match mode.system {
                System::Runtime if mode.migrate => RGBColor(90, 180, 130),
                System::Runtime => OURS,
                _ => OTHERS[number % OTHERS.len()],
            };
            let line = LineSeries::new(figures, color.stroke_width(2)).point_size(3);
            chart
                .draw_series(line)
                .expect("a string takes everything")
                .label(mode.path())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(PEER)
            .draw()
            .expect("a string takes everything");
        area.present().expect("a string takes everything");
    }
    picture
}

/// A picture of so many rows.
fn svg(rows: usize, paint: impl FnOnce(&Area<'_>)) -> String {
    let mut picture = String::new();
    {
        let size = (WIDTH as u32, ROW as u32 * rows.max(1) as u32);
        let area = SVGBackend::with_string(&mut picture, size).into_drawing_area();
        paint(&area);
        area.present().expect("a string takes everything");
    }
    picture
}

fn label(area: &Area<'_>, row: i32, name: &str) {
    text(area, row, LEFT - 8, name, HPos::Right);
}

fn bar(area: &Area<'_>, row: i32, from: i32, to: i32, color: RGBColor) {
    let corners = [(from, row * ROW + 3), (to, row * ROW + ROW - 3)];
    draw(area, &Rectangle::new(corners, color.filled()));
}

fn text(area: &Area<'_>, row: i32, at: i32, text: &str, side: HPos) {
    let style = ("sans-serif", 13)
        .into_text_style(area)
        .pos(Pos::new(side, VPos::Center));
    draw(area, &Text::new(text, (at, row * ROW + ROW / 2), style));
}

fn draw<'a, E>(area: &Area<'_>, element: &'a E)
where
    &'a E: plotters::element::PointCollection<'a, (i32, i32)>,
    for<'b> E: plotters::element::Drawable<SVGBackend<'b>>,
{
    area.draw(element).expect("a string takes everything");
}
