//! `spawn!` and its kin.

use super::*;

fn sum(to: Pid, a: u8, b: [u8; 1]) {
    send(to, a + b[0]);
}

/// A closure, a function, and a function with arguments become processes.
#[runtime::test]
fn three_forms() {
    fn plain() {
        receive! { Ping { from } => send(from, 1u8) }
    }
    let parent = self_pid();
    send(spawn!(plain), Ping { from: parent });
    assert_eq!(receive! { n: u8 => n }, 1);
    spawn!(sum, parent, 2, [3]);
    assert_eq!(receive! { n: u8 => n }, 5);
    spawn!(move || send(parent, 7u8));
    assert_eq!(receive! { n: u8 => n }, 7);
    spawn!(|to: Pid, n: u8| send(to, n), parent, 9,);
    assert_eq!(receive! { n: u8 => n }, 9);
}

/// The parent evaluates function and arguments, each once, in their order.
#[runtime::test]
fn arguments_are_the_parents() {
    let parent = self_pid();
    let mut order = Vec::new();
    spawn!(
        {
            order.push(0);
            sum
        },
        {
            order.push(1);
            self_pid()
        },
        {
            order.push(2);
            20
        },
        [{
            order.push(3);
            22
        }]
    );
    assert_eq!(order, [0, 1, 2, 3]);
    assert_eq!(receive! { n: u8 => n }, 42);
    assert_eq!(self_pid(), parent);
}

/// Arguments get their types from the function, and become what it takes.
#[runtime::test]
fn arguments_are_inferred() {
    fn call(to: Pid, list: Vec<u8>, none: Option<char>, f: Box<dyn Fn(u8) -> u8 + Send>) {
        send(to, (f(list[0]), none));
    }
    spawn!(call, self_pid(), vec![4], None, Box::new(|n| n + 1));
    receive! { (5, None): (u8, Option<char>) => {} }
}

/// A process's function may return a result, or not at all.
#[runtime::test]
fn results() {
    fn fails(to: Pid) -> Result<(), std::fmt::Error> {
        send(to, Pong);
        Err(std::fmt::Error)
    }
    let parent = self_pid();
    spawn!(fails, parent);
    receive! { Pong => {} }
    let echo = spawn!(|| loop {
        receive! { Ping { from } => send(from, Pong) }
    });
    send(echo, Ping { from: parent });
    receive! { Pong => {} }
}

/// `spawn_link!` and `spawn_monitor!` have the forms of `spawn!`.
#[runtime::test]
fn linked_and_monitored() {
    fn ends(reason: ExitReason, _: u8) {
        exit(reason)
    }
    trap_exit(true);
    let shutdown = || ExitReason::Shutdown;
    let linked = [
        spawn_link!(|| exit(ExitReason::Shutdown)),
        spawn_link!(ends, shutdown(), 1),
        spawn_link!(|reason| exit(reason), shutdown(),),
    ];
    for pid in linked {
        receive! { Exit { from, reason, .. } if from == Some(pid) => assert_eq!(reason, shutdown()) }
    }
    let monitored = [
        spawn_monitor!(|| exit(ExitReason::Shutdown)),
        spawn_monitor!(ends, shutdown(), 1),
        spawn_monitor!(|reason| exit(reason), shutdown(),),
    ];
    for (_, watched) in monitored {
        receive! { Down { monitor, reason, .. } if monitor == watched => assert_eq!(reason, shutdown()) }
    }
}
