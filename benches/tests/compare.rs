//! `compare` as a program: every workload runs in every mode, at a small size.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The workloads whose modes are those of clients.
const CLIENTS: [&str; 5] = ["http_get", "h2_get", "h2_get_silent", "ws_echo", "mem_gun"];

/// Runs `compare` and gives its lines of JSON.
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = compare(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    let stdout = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is an object"))
        .collect()
}

#[test]
fn every_workload_yields_a_figure_in_every_mode() {
    // One line for each workload and mode, with figures above zero, in order.
    let lines = lines(&["--scale", "0.001", "--rounds", "1", "--json"]);
    let mut workloads = BTreeSet::new();
    for line in &lines {
        let figure = |name: &str| line[name].as_f64().unwrap_or_else(|| panic!("{line}"));
        assert!(figure("n") > 0.0, "{line}");
        // A few processes may fit into memory that is resident already.
        assert!(figure("median") > 0.0 || line["unit"] == "bytes", "{line}");
        assert!(figure("min") <= figure("median"), "{line}");
        assert!(figure("median") <= figure("max"), "{line}");
        if line["unit"] == "us" || line["workload"] == "timers" {
            assert!(figure("p50") <= figure("p99"), "{line}");
        }
        let workload = line["workload"].as_str().expect("a name");
        let counts_cpu = CLIENTS.contains(&workload) && line["unit"] == "ops/s";
        assert_eq!(
            line["cpu"].as_f64().is_some_and(|cpu| cpu > 0.0),
            counts_cpu,
            "{line}"
        );
        workloads.insert(line["workload"].as_str().expect("a name"));
    }
    for workload in &workloads {
        let modes = |system: &str| {
            lines
                .iter()
                .filter(|line| line["workload"] == *workload)
                .filter(|line| line["system"] == system)
                .count()
        };
        // Clients are measured in one more of ours.
        let ours = if CLIENTS.contains(workload) { 3 } else { 2 };
        assert_eq!(modes("runtime"), ours, "{workload}");
        assert!([0, 2, 4].contains(&modes("tokio")), "{workload}");
    }
    assert_eq!(workloads.len(), 48, "{workloads:?}");
}

#[test]
fn rounds_give_a_spread_and_modes_are_chosen() {
    // `--systems` leaves only what it names.
    let lines = lines(&[
        "spawn_exit",
        "--n",
        "1000",
        "--rounds",
        "3",
        "--systems",
        "tokio/w1-glibc",
        "--json",
    ]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["mode"], "w1-glibc");
    assert_eq!(lines[0]["n"], 1000);
    assert_eq!(lines[0]["unit"], "ns/op");
}

#[test]
fn the_table_and_the_page_hold_every_workload() {
    // A row of the table, with the word for who won, and a section of the page.
    let page = std::env::temp_dir().join(format!("compare-{}.html", std::process::id()));
    let arguments = [
        "pingpong", "mem_rest", "--scale", "0.001", "--rounds", "2", "--html",
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .arg(&page)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).expect("a table is UTF-8");
    let row = |name: &str| table.lines().find(|line| line.starts_with(name));
    let pingpong = row("pingpong").expect("a row");
    assert!(
        ["WIN", "LOSS", "EVEN"]
            .iter()
            .any(|word| pingpong.contains(word)),
        "{table}"
    );
    assert!(row("mem_rest").is_some(), "{table}");
    let html = std::fs::read_to_string(&page).expect("a page");
    std::fs::remove_file(&page).expect("a page");
    assert!(html.contains("id='pingpong'") && html.contains("id='mem_rest'"));
}

#[test]
fn a_curve_has_a_point_for_each_size_and_mode() {
    // Three sizes in three modes, and no size beyond the largest that is asked for; none of a
    // system that cannot do it.
    let points = lines(&[
        "--scaling",
        "deep_drain",
        "spawn_exit_workers",
        "deep_reply",
        "--n",
        "100",
        "--json",
    ]);
    let of = |curve: &str| points.iter().filter(|line| line["curve"] == curve).count();
    assert_eq!(
        (of("deep_drain"), of("deep_reply"), of("spawn_exit_workers")),
        (9, 6, 12)
    );
    for point in &points {
        assert!(
            point["median"].as_f64().is_some_and(|figure| figure > 0.0),
            "{point}"
        );
    }
}

#[test]
fn a_child_on_the_wrong_allocator_measures_nothing() {
    // A figure that is none is not printed.
    let output = compare(&["--child", "pingpong", "tokio/w1-mimalloc", "--n", "10"]);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
}

#[test]
fn a_wrong_command_line_is_refused() {
    // The exit code is that of a usage error, and the word in question is named.
    let output = compare(&["pingpog"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pingpog"));
}
