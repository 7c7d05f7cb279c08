//! Models of questions about a process against what it does meanwhile: it ends, waits, asks itself.

use super::world::{Signal, World};
use crate::loom::sync::Arc;
use crate::loom::thread;

/// Lets another thread play a process.
fn beside(world: &Arc<World>, f: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
    let world = world.clone();
    thread::spawn(move || f(&world))
}

/// A question that meets the end of the process is answered, once: by the process before its end, in
/// its end, or by the asker himself; whether others can answer it or only the process.
#[test]
fn a_question_meets_exit() {
    for deep in [false, true] {
        loom::model(move || {
            let world = World::new(2);
            let ends = beside(&world, |world| {
                world.drain(1);
                world.end(1);
            });
            world.ask(0, 1, deep);
            world.run(0);
            ends.join().unwrap();
            assert!(world.at_the_end(0), "it sleeps, and was answered");
            assert_eq!(world.take_answers(0).len(), 1);
        });
    }
}

/// A question that meets an exit signal on its way to a process that waits: who asks after he has sent
/// the signal is told that it is dead, whoever holds the process meanwhile.
#[test]
fn a_question_behind_an_exit() {
    for deep in [false, true] {
        loom::model(move || {
            let world = World::new(3);
            assert!(world.peer(1).inbox.wait());
            let other = beside(&world, |world| {
                world.ask(2, 1, false);
                world.run(2);
            });
            world.send(1, Signal::Exit);
            world.ask(0, 1, deep);
            world.run(0);
            other.join().unwrap();
            assert!(world.at_the_end(0) && world.at_the_end(2) && !world.at_the_end(1));
            assert_eq!(world.take_answers(0), [false]);
            assert_eq!(world.take_answers(2).len(), 1);
        });
    }
}

/// A question that meets a process falling asleep is answered, also if the process has to run for that.
#[test]
fn a_question_meets_suspend() {
    for deep in [false, true] {
        loom::model(move || {
            let world = World::new(2);
            let waits = beside(&world, |world| world.run(1));
            world.ask(0, 1, deep);
            world.run(0);
            waits.join().unwrap();
            assert!(world.at_the_end(0) && world.at_the_end(1));
            assert_eq!(world.take_answers(0), [true]);
        });
    }
}

/// Two processes that ask about each other are both answered.
#[test]
fn two_ask_about_each_other() {
    for deep in [false, true] {
        loom::model(move || {
            let world = World::new(2);
            let other = beside(&world, move |world| {
                world.ask(1, 0, deep);
                world.run(1);
            });
            world.ask(0, 1, deep);
            world.run(0);
            other.join().unwrap();
            for one in 0..2 {
                assert!(world.at_the_end(one));
                assert_eq!(world.take_answers(one), [true]);
            }
        });
    }
}

/// An answer that comes when the asker has given up is none: neither to his next question, nor something
/// to run for.
#[test]
fn a_late_answer_is_none() {
    loom::model(|| {
        let world = World::new(3);
        let late = beside(&world, |world| world.run(1));
        world.ask(0, 1, true);
        let given_up = world.take_answers(0);
        assert!(given_up.len() <= 1);
        assert!(world.peer(2).inbox.wait());
        world.ask(0, 2, false);
        world.drain(0);
        assert_eq!(world.take_answers(0), [true]);
        world.run(0);
        late.join().unwrap();
        assert!(world.at_the_end(0));
        assert!(world.take_answers(0).is_empty());
    });
}
