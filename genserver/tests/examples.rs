//! The examples, as a stranger runs them: each says what it is to say, and ends by itself, and well.

use std::process::{Command, Output};

/// Runs an example to its end.
fn run(example: &str, arguments: &[&str]) -> Output {
    let mut path = std::env::current_exe().expect("this program");
    path.pop();
    path.pop();
    path.extend(["examples", example]);
    let output = Command::new(&path).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{}: {error}; build the examples", path.display()))
}

/// Runs an example that ends well; the lines that it says.
fn says(example: &str, arguments: &[&str]) -> Vec<String> {
    let output = run(example, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example}: {complaint}");
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().map(str::to_owned).collect()
}

/// The store answers what it was told, outlives its acceptor, and begins anew when it was killed itself.
#[test]
fn kv() {
    let said = says("kv", &[]);
    let expected = [
        "put answer 41: -",
        "put answer 42: 41",
        "get answer: 42",
        "take answer: ? get KEY | put KEY VALUE | del KEY",
        "the acceptor is killed",
        "get answer: 42",
        "the store is killed",
        "get answer: -",
    ];
    assert_eq!(said[1..], expected);
}

/// One that cannot do its work says so, and fails.
#[test]
fn kv_without_an_address() {
    let output = run("kv", &["no address"]);
    assert!(!output.status.success());
    assert!(!output.stderr.is_empty());
}

/// Every job is done once.
#[test]
fn pool() {
    let said = says("pool", &[]);
    assert!(
        said[0].starts_with("1000 squares add up to 333833500; "),
        "{said:?}"
    );
}

/// Everybody in a room hears everybody in it, and nobody else; rooms end with their guests.
#[test]
fn chat() {
    let mut said = says("chat", &[]);
    assert_eq!(
        said.pop().as_deref(),
        Some("all have left, and the rooms are gone")
    );
    let guests = ["Ada", "Bob", "Cy"];
    let heard = |who: &str, speaker: &str| format!("{who} hears {speaker}: hello, kitchen");
    let mut expected: Vec<String> = guests
        .iter()
        .flat_map(|who| guests.map(|speaker| heard(who, speaker)))
        .collect();
    expected.push("Dora hears Dora: hello, garden".to_owned());
    expected.sort_unstable();
    said.sort_unstable();
    assert_eq!(said, expected);
}

/// With as many as a test has time for.
#[test]
fn million() {
    let said = says("million", &["2000"]);
    assert_eq!(said.len(), 6, "{said:?}");
}
