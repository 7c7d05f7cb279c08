//! Models of links and unlinks that cross.

use super::world::World;
use crate::loom::thread;

/// Both ends do as they like with the link; both agree in the end, and no mark is left.
#[track_caller]
fn agree(first: fn(&World), second: fn(&World)) {
    loom::model(move || {
        let world = World::new(2);
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                second(&world);
                world.run(1);
            })
        };
        first(&world);
        world.run(0);
        other.join().unwrap();
        assert!(world.at_the_end(0) && world.at_the_end(1));
        let linked = world.is_linked(0, 1);
        assert_eq!(linked, world.is_linked(1, 0), "half a link");
        if !linked {
            assert!(
                world.has_no_end(0, 1) && world.has_no_end(1, 0),
                "a mark is left"
            );
        }
    });
}

/// One links and unlinks while the other links.
#[test]
fn link_meets_unlink() {
    agree(
        |world| {
            world.link(0, 1);
            world.unlink(0, 1);
        },
        |world| world.link(1, 0),
    );
}

/// Both link and unlink.
#[test]
fn unlink_meets_unlink() {
    agree(
        |world| {
            world.link(0, 1);
            world.unlink(0, 1);
        },
        |world| {
            world.link(1, 0);
            world.unlink(1, 0);
        },
    );
}

/// One unlinks twice, and does not take the answer to the first for that to the second, behind which
/// the other's link is of no account.
#[test]
fn an_old_answer_is_no_answer() {
    agree(
        |world| {
            world.link(0, 1);
            world.unlink(0, 1);
            world.link(0, 1);
            world.unlink(0, 1);
        },
        |world| {
            world.drain(1);
            world.link(1, 0);
        },
    );
}
