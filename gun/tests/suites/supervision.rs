//! Under whom a connection stands, and what `sys` can do with it.

use std::time::Duration;

use gun::{Awaited, CloseError, Info, Opts, State};
use runtime::prelude::*;
use runtime::{Builder, is_process_alive, process_info, processes, trap_exit, whereis};

use crate::peer::{Peer, SOON};

/// How many the supervisor is linked with, but for its parent.
fn children() -> usize {
    let supervisor = whereis("gun_sup").unwrap();
    // It has heard of all that have ended by now.
    sys::get_status(supervisor).unwrap();
    process_info(supervisor).unwrap().links.len() - 1
}

/// Connections stand under one supervisor, which forgets those that end.
#[runtime::test]
fn supervised() {
    let peer = Peer::new();
    let (first, _line) = peer.open(Opts::new());
    let (second, _line) = peer.open(Opts::new());
    assert_eq!(children(), 2);
    gun::close(first).unwrap();
    assert_eq!(children(), 1);
    // The owner is not linked.
    exit_signal(second, ExitReason::Kill);
    let watch = monitor(second);
    receive! { runtime::Down { monitor, .. } if monitor == watch => {} }
    assert_eq!(children(), 0);
}

/// When the supervisor ends, so do its connections; the next one has another supervisor.
#[runtime::test]
fn supervisor_ends() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let watch = monitor(conn);
    exit_signal(whereis("gun_sup").unwrap(), ExitReason::Kill);
    receive! {
        runtime::Down { monitor, .. } if monitor == watch => {}
        after SOON => panic!("it goes on"),
    }
    let (_conn, _line) = peer.open(Opts::new());
    assert_eq!(children(), 1);
}

/// Many that open at once have one supervisor.
#[runtime::test]
fn many_at_once() {
    let before = processes().len();
    let peer = Peer::new();
    let port = peer.port();
    let me = self_pid();
    for _ in 0..50 {
        spawn!(move || {
            let conn = gun::open("127.0.0.1", port, Opts::new()).unwrap();
            send(me, conn);
            receive! { (): () => gun::close(conn).unwrap() }
            send(me, "done");
        });
    }
    let conns: Vec<Pid> = (0..50).map(|_| receive! { conn: Pid => conn }).collect();
    assert_eq!(children(), conns.len());
    for conn in conns {
        let owner = gun::info(conn).unwrap().owner;
        send(owner, ());
    }
    for _ in 0..50 {
        receive! { "done": &'static str => {} }
    }
    assert_eq!(children(), 0);
    drop(peer);
    // The supervisor and its parent.
    while processes().len() > before + 2 {
        runtime::yield_now();
    }
}

/// A connection takes part in `sys`: it shows its state, and does nothing while it is suspended.
#[runtime::test]
fn suspend_resume() {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new());
    sys::suspend(conn).unwrap();
    let status = sys::get_status(conn).unwrap();
    assert!(status.suspended);
    assert_eq!(status.module, "gun");
    let stream = gun::get(conn, "/", ());
    let state = sys::get_state::<Info>(conn).unwrap();
    assert_eq!((state.state, state.streams), (State::Connected, 0));
    sys::resume(conn).unwrap();
    line.head();
    line.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let told = gun::await_(conn, stream, SOON);
    assert!(
        matches!(told, Ok(Awaited::Response { fin: true, .. })),
        "{told:?}"
    );
}

/// Told to end by `sys` it does, also while it is suspended and not connected.
#[runtime::test]
fn sys_terminate() {
    let peer = Peer::new();
    let (conn, line) = peer.open(Opts::new());
    let watch = monitor(conn);
    sys::terminate(conn, ExitReason::Shutdown).unwrap();
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            assert_eq!(reason, ExitReason::Shutdown);
        }
        after SOON => panic!("it goes on"),
    }
    assert_eq!(line.end(), "");
    let nowhere = Peer::new().port();
    let opts = Opts::new()
        .retry(1000)
        .retry_timeout(Duration::from_secs(3600));
    let conn = gun::open("127.0.0.1", nowhere, opts).unwrap();
    let watch = monitor(conn);
    sys::suspend(conn).unwrap();
    sys::terminate(conn, ExitReason::Normal).unwrap();
    receive! {
        runtime::Down { monitor, reason, .. } if monitor == watch => {
            assert_eq!(reason, ExitReason::Normal);
        }
        after SOON => panic!("it goes on"),
    }
}

/// A process that is no connection is not closed, whatever it is to the caller, and gets nothing.
#[runtime::test]
fn close_of_a_stranger() {
    let stranger = spawn!(|| receive! {
        exit: Exit => send(whereis("closer").unwrap(), exit),
        "end": &'static str => {}
    });
    register("closer", self_pid()).unwrap();
    let traps = spawn!(|| {
        trap_exit(true);
        receive! {
            exit: Exit => panic!("{exit:?}"),
            "end": &'static str => {}
        }
    });
    link(stranger);
    for pid in [stranger, traps, self_pid(), whereis("closer").unwrap()] {
        assert_eq!(gun::close(pid), Err(CloseError(pid)));
        assert!(is_process_alive(pid));
    }
    assert!(runtime::links().contains(&stranger));
    for pid in [stranger, traps] {
        let watch = monitor(pid);
        send(pid, "end");
        receive! {
            runtime::Down { monitor, reason, .. } if monitor == watch => {
                assert_eq!(reason, ExitReason::Normal);
            }
            after SOON => panic!("it goes on"),
        }
    }
}

/// What is closed has ended when `close` returns, under the supervisor or not; a second time it is no connection.
#[runtime::test]
fn close_twice() {
    let peer = Peer::new();
    for supervise in [true, false] {
        let (conn, line) = peer.open(Opts::new().supervise(supervise));
        assert_eq!(gun::close(conn), Ok(()));
        assert!(!is_process_alive(conn));
        assert_eq!(line.end(), "");
        assert_eq!(gun::close(conn), Err(CloseError(conn)));
    }
}

/// Of many that close one connection each returns when it has ended.
#[runtime::test]
fn close_by_many() {
    let peer = Peer::new();
    let (conn, _line) = peer.open(Opts::new());
    let me = self_pid();
    for _ in 0..20 {
        spawn!(move || {
            let closed = gun::close(conn);
            send(me, (closed, is_process_alive(conn)));
        });
    }
    for _ in 0..20 {
        receive! {
            (closed, alive): (Result<(), CloseError>, bool) => {
                assert!(!(closed.is_ok() && alive));
            }
            after SOON => panic!("it waits for ever"),
        }
    }
}

/// A connection that was opened on another node is closed like one of one's own.
#[test]
fn close_of_another_nodes() {
    let (one, other) = (
        Builder::new().start().unwrap(),
        Builder::new().start().unwrap(),
    );
    let (conn, line) = one.run(|| {
        let peer = Peer::new();
        let (conn, line) = peer.open(Opts::new());
        // Its owner is to live.
        gun::set_owner(conn, whereis("gun_sup").unwrap());
        (conn, line)
    });
    other.run(move || {
        assert_eq!(gun::close(conn), Ok(()));
        assert_eq!(gun::close(conn), Err(CloseError(conn)));
    });
    drop(line);
}
