//! The `tracing` span that a process is inside of goes with it, and with nobody else.

mod expect;

use std::sync::{Arc, Mutex, OnceLock};

use expect::message;
use runtime::prelude::*;
use runtime::try_self_pid;
use tracing::span::{Attributes, Id};
use tracing::{Level, Span, info, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// What each event was inside of: the spans' names, the outermost first.
type Seen = Arc<Mutex<Vec<(String, Vec<&'static str>)>>>;

/// The spans so far.
static NAMES: Mutex<Vec<(Id, &str)>> = Mutex::new(Vec::new());

/// The spans left so far, and the processes in whose name they were.
static LEFT: Mutex<Vec<(&str, Option<Pid>)>> = Mutex::new(Vec::new());

struct Collect(Seen);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collect {
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let scope = context.event_scope(event);
        let spans = scope.into_iter().flat_map(|scope| scope.from_root());
        let names = spans.map(|span| span.name()).collect();
        let target = event.metadata().target().to_owned();
        self.0.lock().unwrap().push((target, names));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let name = attributes.metadata().name();
        NAMES.lock().unwrap().push((id.clone(), name));
    }

    // The span may be gone by now.
    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let names = NAMES.lock().unwrap();
        let name = names.iter().find(|(of, _)| of == id);
        let name = name.map_or("?", |(_, name)| *name);
        LEFT.lock().unwrap().push((name, try_self_pid()));
    }
}

fn seen() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(|| {
        let seen = Seen::default();
        let subscriber = Registry::default().with(Collect(Arc::clone(&seen)));
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
        seen
    })
}

/// The events of one target, in their order.
fn of(target: &str) -> Vec<Vec<&'static str>> {
    let seen = seen().lock().unwrap();
    let own = seen.iter().filter(|(of, _)| of == target);
    own.map(|(_, names)| names.clone()).collect()
}

/// Two processes that take turns on one worker, each inside of spans of its own: each event is inside of
/// those of its process.
#[runtime::test(workers = 1)]
fn interleaved() {
    seen();
    let parent = self_pid();
    for round in 0..2 {
        spawn!(move || {
            let outer = match round {
                0 => span!(Level::INFO, "outer 0"),
                _ => span!(Level::INFO, "outer 1"),
            };
            let _outer = outer.enter();
            for _ in 0..10 {
                yield_now();
                let inner = span!(Level::INFO, "inner");
                let _inner = inner.enter();
                yield_now();
                match round {
                    0 => info!(target: "of 0", "an event"),
                    _ => info!(target: "of 1", "an event"),
                }
            }
            send(parent, ());
        });
    }
    for _ in 0..2 {
        message::<()>();
        assert!(Span::current().is_none());
    }
    info!(target: "of the parent", "an event");
    assert_eq!(of("of 0"), vec![vec!["outer 0", "inner"]; 10]);
    assert_eq!(of("of 1"), vec![vec!["outer 1", "inner"]; 10]);
    assert_eq!(of("of the parent"), vec![Vec::<&str>::new()]);
}

/// A callback that blocks inside of a span keeps it, and others do not see it; what it forgets to leave
/// ends with the callback.
#[runtime::test(workers = 1)]
fn in_a_callback() {
    seen();
    let parent = self_pid();
    let blocking = Spawn::new()
        .receive_loop(move |_| {
            let guard = span!(Level::INFO, "callback").entered();
            sleep(std::time::Duration::from_millis(1));
            info!(target: "in the callback", "an event");
            std::mem::forget(guard);
            send(parent, ());
            Flow::Continue
        })
        .expect("room")
        .pid;
    send(blocking, ());
    yield_now();
    info!(target: "beside the callback", "an event");
    message::<()>();
    info!(target: "behind the callback", "an event");
    assert_eq!(of("in the callback"), vec![vec!["callback"]]);
    assert_eq!(of("beside the callback"), vec![Vec::<&str>::new()]);
    assert_eq!(of("behind the callback"), vec![Vec::<&str>::new()]);
}

/// A process that is killed inside of a span leaves it.
#[runtime::test(workers = 1)]
fn killed_inside() {
    seen();
    let (pid, monitor) = spawn_monitor!(|| {
        let span = span!(Level::INFO, "killed");
        let _guard = span.enter();
        drop(receive_any());
    });
    yield_now();
    exit_signal(pid, ExitReason::Kill);
    receive! { Down { monitor: of, .. } if of == monitor => {} }
    info!(target: "behind the killed", "an event");
    assert_eq!(of("behind the killed"), vec![Vec::<&str>::new()]);
}

/// In whose name the spans of this name were left, once there are so many.
fn leavers(name: &str, count: usize) -> Vec<Option<Pid>> {
    let mut leavers = Vec::new();
    expect::until("spans are left", || {
        let left = LEFT.lock().unwrap();
        let own = left.iter().filter(|(of, _)| *of == name);
        leavers = own.map(|(_, by)| *by).collect();
        leavers.len() >= count
    });
    leavers
}

/// A span that a process has forgotten to leave when it ends, or a callback when it returns, is left
/// in nobody's name: the process has ended, or runs elsewhere by then. One left while the process
/// is parked is left in its name.
#[runtime::test(workers = 1)]
fn left_behind() {
    seen();
    let ended = spawn!(|| {
        // With its guard the span stays open: one that has closed is not left, as a subscriber does
        // not know it any more.
        std::mem::forget(span!(Level::INFO, "forgotten at the end").entered());
    });
    let rests = Spawn::new().receive_loop(|_| {
        std::mem::forget(span!(Level::INFO, "forgotten by a callback").entered());
        Flow::Continue
    });
    send(rests.expect("room").pid, ());
    let parked = spawn!(|| {
        let span = span!(Level::INFO, "of the parked");
        let _guard = span.enter();
        drop(receive_any());
    });
    expect::end_of(ended);
    assert_eq!(leavers("forgotten at the end", 1), [None]);
    assert_eq!(leavers("forgotten by a callback", 1), [None]);
    assert_eq!(leavers("of the parked", 1), [Some(parked)]);
}
