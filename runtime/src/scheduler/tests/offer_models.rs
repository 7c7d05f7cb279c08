//! Models of what is offered: each block goes to one taker, and the hungry do not go without.

use super::super::offer::Offer;
use super::sleep_models::{World, start};
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Arc;
use crate::loom::thread;

/// A process as its holder uses it: loom's cell finds two holders, and what is not seen.
struct Process(UnsafeCell<u32>);

// SAFETY: used by who has the block, which is what the models are about.
unsafe impl Send for Process {}

fn block(number: u32) -> Box<Process> {
    Box::new(Process(UnsafeCell::new(number)))
}

fn run(process: Option<Box<Process>>) -> u32 {
    process.map_or(0, |process| {
        process.0.with_mut(|number| {
            // SAFETY: whoever took the block has it alone.
            unsafe { std::mem::take(&mut *number) }
        })
    })
}

/// A block is taken once, by a thief or by its owner.
#[test]
fn offer_is_taken_once() {
    loom::model(|| {
        let offer = Arc::new(Offer::new());
        let thief = {
            let offer = Arc::clone(&offer);
            thread::spawn(move || run(offer.take()))
        };
        let owner = {
            let offer = Arc::clone(&offer);
            thread::spawn(move || {
                offer.put(block(1));
                run(offer.take())
            })
        };
        let taken = [
            run(offer.take()),
            thief.join().unwrap(),
            owner.join().unwrap(),
        ];
        assert_eq!(taken.iter().sum::<u32>(), 1);
    });
}

/// An owner that sees nothing on offer puts the next block: it is taken once as well, and the first is not lost.
#[test]
fn offer_follows_offer() {
    loom::model(|| {
        let offer = Arc::new(Offer::new());
        let owner = {
            let offer = Arc::clone(&offer);
            thread::spawn(move || {
                offer.put(block(1));
                while !offer.is_empty() {
                    thread::yield_now();
                }
                offer.put(block(2));
                run(offer.take())
            })
        };
        let mut stolen = 0;
        while stolen == 0 {
            thread::yield_now();
            stolen = run(offer.take());
        }
        assert_eq!(stolen, 1);
        stolen += run(offer.take());
        let taken = owner.join().unwrap();
        assert_eq!(stolen + taken, 3);
    });
}

/// An owner that keeps its work back until it sees somebody hungry wakes who sleeps, and serves who
/// is about to.
#[test]
fn hungry_are_served() {
    loom::model(|| {
        let world = Arc::new(World::new(2, 2));
        let hungry = start(&world, |world| world.work(1, 1));
        // As at each push and at each pick.
        while !world.idle.is_anybody_hungry() {
            thread::yield_now();
        }
        world.push(0);
        hungry.join().unwrap();
    });
}
