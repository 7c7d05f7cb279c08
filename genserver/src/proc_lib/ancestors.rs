//! Where a process comes from: Erlang's `$ancestors`.
//!
//! A line is a list that siblings share but for its head; each process that was started by proc_lib has one in a
//! process-local.

use std::cell::{Cell, OnceCell, RefCell};
use std::iter;
use std::sync::Arc;

use runtime::request::{Global, NameRegistry, ServerRef};
use runtime::{Pid, process_local, registered_name, root_of_tree, self_pid, try_self_pid};

/// The parent of a process, and the parent's line.
#[derive(Debug)]
pub(crate) struct Line {
    parent: ServerRef,
    above: Option<Arc<Line>>,
    /// Whether a supervisor is among them.
    in_tree: bool,
}

process_local! {
    static LINE: OnceCell<Arc<Line>> = const { OnceCell::new() };
    /// The line of the last child, which the next one's is as a rule.
    static OF_CHILDREN: RefCell<Option<Arc<Line>>> = const { RefCell::new(None) };
    static SUPERVISES: Cell<bool> = const { Cell::new(false) };
}

impl Line {
    /// The line of the caller's children. None outside a process.
    pub(crate) fn of_children() -> Option<Arc<Line>> {
        let me = try_self_pid()?;
        let parent = match registered_name(me) {
            Some(name) => ServerRef::Name(name),
            None => ServerRef::Pid(me),
        };
        let new = |parent| {
            let above = own_line();
            let in_tree = SUPERVISES.try_with(Cell::get).unwrap_or(false)
                || above.as_ref().is_some_and(|above| above.in_tree);
            Arc::new(Line {
                parent,
                above,
                in_tree,
            })
        };
        let known = OF_CHILDREN.try_with(|last| {
            let mut last = last.borrow_mut();
            match &*last {
                Some(line) if line.parent == parent => Arc::clone(line),
                _ => Arc::clone(last.insert(new(parent.clone()))),
            }
        });
        // A destructor at the process's end may start one when that is gone.
        Some(known.unwrap_or_else(|| new(parent)))
    }
}

/// Gives the calling process its line. Called once, when it begins.
pub(crate) fn inherit(line: Option<Arc<Line>>) {
    if let Some(line) = line {
        let first = LINE.with(|own| own.set(line));
        debug_assert!(first.is_ok(), "a process begins once");
    }
}

/// The calling process, which has its line and no children yet, is a supervisor. Under no other it is the root of a
/// tree, which its node ends first.
pub(crate) fn supervises() {
    SUPERVISES.with(|supervises| supervises.set(true));
    if !own_line().is_some_and(|line| line.in_tree) {
        root_of_tree();
    }
}

/// The line of the calling process, if it was started by proc_lib.
fn own_line() -> Option<Arc<Line>> {
    LINE.with(|line| line.get().cloned())
}

/// No parent is known of the calling process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoParent {
    /// It was not started by proc_lib.
    NotStarted,
    /// It is known by a name that nobody has.
    NoProc,
}

/// The parent of the calling process.
pub(crate) fn parent() -> Result<Pid, NoParent> {
    let line = own_line();
    let line = line.ok_or(NoParent::NotStarted)?;
    let pid = match &line.parent {
        // It may have moved from one registry to the other.
        ServerRef::Name(name) => {
            let local = line.parent.whereis();
            local.or_else(|| Global.whereis_name(name))
        }
        other => other.whereis(),
    };
    pid.ok_or(NoParent::NoProc)
}

/// The ancestors of the calling process, its parent first: each by the registered name that it had when it
/// started its child, or by its pid. None, if the process was not started by proc_lib, or a behaviour.
///
/// Mirrors `get('$ancestors')`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// use genserver::ServerRef;
///
/// let me = self_pid();
/// runtime::register("root", me).unwrap();
/// proc_lib::spawn(move || send(me, proc_lib::ancestors()));
/// assert_eq!(receive_type::<Vec<ServerRef>>(), [ServerRef::from("root")]);
/// # });
/// ```
pub fn ancestors() -> Vec<ServerRef> {
    self_pid();
    let own = own_line();
    let line = iter::successors(own.as_deref(), |line| line.above.as_deref());
    line.map(|line| line.parent.clone()).collect()
}
