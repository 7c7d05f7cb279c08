//! Models of an answer against the end of its server, and against a client that gives up. Of a request the monitor
//! is what matters here.

use super::world::{Signal, World};
use super::zombie_models::declare;
use crate::loom::thread;

/// A server answers while it is ended in its absence: the client has the answer, or is told the end; one of the two.
#[test]
fn an_answer_meets_a_zombie() {
    loom::model(|| {
        let world = World::new(2);
        world.monitor(0, 1);
        world.drain(1);
        assert!(world.peer(0).inbox.wait());
        world.send(1, Signal::Exit);
        let server = {
            let world = world.clone();
            thread::spawn(move || {
                world.reply(1, 0, 1);
                world.run(1);
            })
        };
        declare(&world, 1);
        server.join().unwrap();
        assert!(world.at_the_end(0) && !world.at_the_end(1));
        let (replies, downs) = world.hold(0, |private| (private.replies, private.downs));
        assert_eq!(replies + downs, 1, "{replies} answers, {downs} ends");
    });
}

/// A client gives up while it is answered, by its server or by another: it has the answer or not, and nothing is
/// left of its monitor.
#[test]
fn an_answer_meets_one_who_gives_up() {
    for by in [1, 2] {
        loom::model(move || {
            let world = World::new(3);
            world.monitor(0, 1);
            world.drain(1);
            let others = 3 - by;
            assert!(world.peer(others).inbox.wait());
            let client = {
                let world = world.clone();
                thread::spawn(move || {
                    world.drain(0);
                    let gave_up = world.demonitor(0, 1);
                    world.run(0);
                    gave_up
                })
            };
            world.reply(by, 0, 1);
            world.run(by);
            let gave_up = client.join().unwrap();
            assert!((0..3).all(|peer| world.at_the_end(peer)));
            let (replies, downs) = world.hold(0, |private| (private.replies, private.downs));
            assert_eq!((replies, downs), (usize::from(!gave_up), 0));
            assert!(world.with(1, |own| own.monitored_by.get(&0).is_none()));
        });
    }
}
