//! Tables and plots in one page that needs nothing else.

use super::number::{number, spread};
use super::plot;
use crate::measured::Unit;
use crate::mode::{MODES, Mode, System};
use crate::outcome::Outcome;
use crate::scaling::Drawn;
use crate::series::Series;

const STYLE: &str = "body{font:15px/1.45 sans-serif;max-width:64em;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse}td,th{padding:.15em .7em;text-align:right}\
    td:first-child,th:first-child{text-align:left}tr{border-bottom:1px solid #ddd}\
    .LOSS{color:#be3c32;font-weight:bold}.WIN{color:#26734d;font-weight:bold}\
    svg{max-width:100%;height:auto}.warning{background:#fff3cd;padding:.4em .8em}\
    .about{color:#555}";

/// The page of a comparison: what was run where, what to beware of, and what came of it.
pub fn page(machine: &str, warnings: &[String], outcomes: &[Outcome]) -> String {
    let mut page = head(machine, warnings);
    page += "<p>How many times better ours is than the best peer. Of a lateness (us) the 99th \
             percentile counts.</p>";
    page += &overview(outcomes);
    for mode in ours() {
        if outcomes
            .iter()
            .any(|outcome| outcome.verdict(mode).is_some())
        {
            page += &format!("<h2>{} beside the best peer</h2>", mode.name);
            page += &plot::verdicts(outcomes, mode);
        }
    }
    for outcome in outcomes {
        page += &section(outcome);
    }
    page + "</html>\n"
}

/// The page of the curves.
pub fn curves_page(machine: &str, warnings: &[String], drawn: &[Drawn]) -> String {
    let mut page = head(machine, warnings);
    page += "<p>What an operation costs at growing sizes. A flat line is linear growth.</p>";
    for drawn in drawn {
        page += &format!("<h2>{}</h2>", drawn.curve.name);
        page += &plot::curve(drawn);
        page += &format!("<pre>{}</pre>", escape(super::curves::table(drawn).trim()));
    }
    page + "</html>\n"
}

fn head(machine: &str, warnings: &[String]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>compare</title>\
         <style>{STYLE}</style><h1>compare</h1><p>{}</p>",
        escape(machine)
    );
    for warning in warnings {
        page += &format!("<p class=warning>{}</p>", escape(warning));
    }
    page
}

fn ours() -> impl Iterator<Item = &'static Mode> {
    MODES.iter().filter(|mode| mode.system == System::Runtime)
}

/// A row for each workload.
fn overview(outcomes: &[Outcome]) -> String {
    let names: Vec<&str> = ours().map(|mode| mode.name).collect();
    let head = [
        &["workload", "unit"],
        &names[..],
        &["best peer", ""],
        &names[..],
    ]
    .concat();
    let mut rows = vec![head.into_iter().map(str::to_owned).collect()];
    for outcome in outcomes {
        let unit = outcome.workload.unit;
        let name = outcome.workload.name;
        let mut row = vec![format!("<a href='#{name}'>{name}</a>"), unit.name().into()];
        row.extend(ours().map(|mode| {
            let summary = outcome.of(mode);
            summary.map_or_else(String::new, |it| number(unit, it.score(unit)))
        }));
        match outcome.best_peer() {
            Some((mode, summary)) => row.extend([number(unit, summary.score(unit)), mode.path()]),
            None => row.extend([String::new(), String::new()]),
        }
        row.extend(ours().map(|mode| match outcome.verdict(mode) {
            Some(verdict) => format!("<span class={}>{verdict}</span>", verdict.word()),
            None => "-".to_owned(),
        }));
        rows.push(row);
    }
    table(&rows)
}

/// One workload: each mode in a row and in a plot.
fn section(outcome: &Outcome) -> String {
    let (workload, n) = (outcome.workload, outcome.n);
    let mut text = format!(
        "<h2 id='{}'>{}</h2><p class=about>{} (n = {n})</p>",
        workload.name,
        workload.name,
        escape(workload.about)
    );
    let head = [
        "mode",
        workload.unit.name(),
        "min-max",
        "p50",
        "p99",
        "p99.9",
        "max",
        "cpu (ns/op)",
        "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(outcome.series.iter().map(|series| row(outcome, series)));
    text += &table(&rows);
    text + &plot::modes(outcome)
}

fn row(outcome: &Outcome, series: &Series) -> Vec<String> {
    let unit = outcome.workload.unit;
    let mut row = vec![series.mode.path()];
    match series.summary(unit) {
        None => row.extend(["failed"].into_iter().chain([""; 6]).map(str::to_owned)),
        Some(summary) => {
            row.push(number(unit, summary.median));
            row.push(spread(unit, summary.min, summary.max));
            let late = summary
                .percentiles
                .map(|late| [Some(late.p50), Some(late.p99), late.p999, Some(late.max)]);
            row.extend(match late {
                Some(late) => {
                    late.map(|late| late.map_or_else(String::new, |it| number(Unit::Us, it)))
                }
                None => [const { String::new() }; 4],
            });
            let cpu = summary.cpu.map(|cpu| number(Unit::NsPerOp, cpu));
            row.push(cpu.unwrap_or_default());
        }
    }
    row.push(escape(&series.failed().unwrap_or_default()));
    row
}

/// A table of cells that are HTML; the first row is its head.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::from("<table>");
    for (i, row) in rows.iter().enumerate() {
        let tag = if i == 0 { "th" } else { "td" };
        let cells: String = row
            .iter()
            .map(|cell| format!("<{tag}>{cell}</{tag}>"))
            .collect();
        text += &format!("<tr>{cells}</tr>");
    }
    text + "</table>"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{outcome, series};

    #[test]
    fn a_page_has_figures_plots_and_losses() {
        // Everything stands in the page itself, a loss as plainly as a win.
        let outcomes = [outcome(vec![
            series("runtime/safe", &[100]),
            series("runtime/migrate", &[40]),
            series("tokio/w2-glibc", &[80]),
        ])];
        let page = page("a <machine>", &["noisy".to_owned()], &outcomes);
        assert!(page.contains("a &lt;machine&gt;"));
        assert!(page.contains("class=LOSS>0.80x LOSS"), "{page}");
        assert!(page.contains("class=WIN>2.00x WIN"), "{page}");
        assert_eq!(
            page.matches("<svg").count(),
            3,
            "two overviews, one workload"
        );
        assert!(!page.contains("src="), "nothing is fetched");
    }
}
