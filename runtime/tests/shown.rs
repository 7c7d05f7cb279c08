//! Values in reports: cut, hidden, and never a danger to whoever reports them.

mod expect;

use std::fmt::{self, Debug, Formatter};
use std::thread::panicking;
use std::time::Duration;

use expect::{OnDrop, end_of, message, nothing, reports};
use runtime::prelude::*;
use runtime::{Shown, hide_in_reports};

/// Is shown by what the function writes.
struct By(fn(&mut Formatter<'_>) -> fmt::Result);

impl Debug for By {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

fn shown(by: fn(&mut Formatter<'_>) -> fmt::Result) -> String {
    Shown::new(&By(by)).to_string()
}

const PANICKED: &str = "<shown::By: its Debug panicked>";

/// A value is shown as its `Debug` shows it, up to the limit in bytes; what is longer is cut
/// between two characters, and says so.
#[test]
fn long_values_are_cut() {
    assert_eq!(Shown::new(&Some(7)).to_string(), "Some(7)");
    assert_eq!(format!("{:?}", Shown::new(&Some(7))), "Some(7)");
    assert_eq!(Shown::new(&Some(7)).limit(7).to_string(), "Some(7)");
    assert_eq!(Shown::new(&Some(7)).limit(6).to_string(), "Some(7… (cut)");
    assert_eq!(Shown::new(&7).limit(0).to_string(), "… (cut)");
    // Each of these letters has two bytes, and the quote has one.
    let text = "äöü";
    assert_eq!(Shown::new(&text).limit(5).to_string(), "\"äö… (cut)");
    assert_eq!(Shown::new(&text).limit(6).to_string(), "\"äö… (cut)");
    let long = Shown::new(&vec![0u8; 1 << 20]).to_string();
    assert_eq!(long.len(), Shown::LIMIT + "… (cut)".len());
}

/// A `Debug` that writes for ever ends where its text is cut, also if it panics over the error.
#[test]
fn an_endless_debug_ends() {
    let text = shown(|f| {
        loop {
            f.write_str("on and ")?;
        }
    });
    assert!(text.ends_with("… (cut)"), "{text}");
    let text = shown(|f| {
        loop {
            f.write_str("on and ").unwrap();
        }
    });
    assert!(text.ends_with("… (cut)"), "{text}");
}

/// A `Debug` that panics, or fails by itself, is replaced by the type's name: inside and outside a
/// process.
#[test]
fn a_debug_that_panics() {
    let panics = || shown(|_| panic!("in a Debug"));
    assert_eq!(panics(), PANICKED);
    assert_eq!(runtime::run(panics), PANICKED);
    let failed = shown(|_| Err(fmt::Error));
    assert_eq!(failed, "<shown::By: its Debug failed>");
    // A message goes by its own name, not by `AnyMessage`.
    let message = AnyMessage::new(By(|_| panic!("in a Debug")));
    assert_eq!(Shown::message(&message).to_string(), PANICKED);
    let nested = shown(|f| write!(f, "{:?}", Shown::new(&By(|_| panic!("in a Debug")))));
    assert_eq!(nested, PANICKED);
}

/// A `Debug` that waits panics, and takes nothing from the mailbox; one that sends has sent; one
/// that yields goes on; an exit in it ends nothing.
#[runtime::test]
fn a_debug_that_does_more() {
    send(self_pid(), "kept");
    assert_eq!(shown(|_| panic!("{:?}", receive_any())), PANICKED);
    let naps = shown(|_| {
        sleep(Duration::from_millis(1));
        Ok(())
    });
    assert_eq!(naps, PANICKED);
    assert_eq!(shown(|_| exit(ExitReason::Shutdown)), PANICKED);
    assert!(!panicking());
    let more = shown(|f| {
        yield_now();
        send(self_pid(), 7u32);
        f.write_str("sent")
    });
    assert_eq!(more, "sent");
    assert_eq!(message::<&str>(), "kept");
    assert_eq!(message::<u32>(), 7);
    nothing();
}

/// A `Debug` that panics while its process unwinds changes nothing: the process ends with its own
/// panic, and that is reported with its own place.
#[runtime::test]
fn a_panic_inside_a_panic() {
    reports::collect();
    let root = self_pid();
    let line = line!() + 5;
    let pid = spawn!(move || {
        let _shows = OnDrop(move || {
            send(root, (shown(|_| panic!("the inner one")), panicking()));
        });
        panic!("the outer one");
    });
    end_of(pid);
    assert_eq!(message::<(String, bool)>(), (PANICKED.to_owned(), true));
    let report = reports::expect("runtime::process", &[&format!("pid={pid} "), "outer"]);
    let location = format!("location={}:{line}:", file!());
    assert!(report.fields.contains(&location), "{report:?}");
}

/// What is to be hidden is: a value in an `Opaque`, and every value of a type that the program
/// names. A judge that panics has the value hidden as well.
#[test]
fn hidden_values() {
    #[derive(Debug)]
    struct Card(#[expect(dead_code, reason = "to be shown")] u64);
    #[derive(Debug)]
    struct Odd;
    let opaque = Shown::new(&Opaque(4711)).to_string();
    assert!(opaque.starts_with("Opaque<"), "{opaque}");
    assert_eq!(Shown::new(&Card(4711)).to_string(), "Card(4711)");
    hide_in_reports(|type_name| {
        assert!(!type_name.ends_with("::Odd"), "judged");
        type_name.ends_with("::Card")
    });
    let card = AnyMessage::new(Card(4711));
    let card = Shown::message(&card).to_string();
    assert_eq!(card, "<shown::hidden_values::Card: hidden>");
    assert_eq!(Shown::new(&7).to_string(), "7");
    let odd = Shown::new(&Odd).to_string();
    assert_eq!(odd, "<shown::hidden_values::Odd: its Debug panicked>");
}

/// The report of a mailbox over its limit shows the newest message, whatever its `Debug` does.
#[runtime::test]
fn in_a_report() {
    reports::collect();
    for (by, text) in [
        (By(|f| f.write_str("the newest")), "shown=the newest "),
        (By(|_| panic!("in a Debug")), &format!("shown={PANICKED} ")),
        (
            By(|_| panic!("{:?}", receive_any())),
            &format!("shown={PANICKED} "),
        ),
    ] {
        let limited = Spawn::new().mailbox_limit(0, AtLimit::Report);
        let pid = limited.spawn(receive_type::<()>).unwrap().pid;
        send(pid, by);
        let report = reports::expect("runtime::mailbox", &[&format!("pid={pid} ")]);
        assert!(report.fields.contains(text), "{report:?}");
        assert!(report.fields.contains("newest=shown::By "), "{report:?}");
        send(pid, ());
        end_of(pid);
    }
}
