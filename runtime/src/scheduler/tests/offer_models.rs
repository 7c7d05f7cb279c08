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

/// Each block is taken once, by a thief or by its owner, who puts the next where it sees none.
#[test]
fn offer_is_taken_once() {
    loom::model(|| {
        let offer = Arc::new(Offer::new());
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let offer = Arc::clone(&offer);
                thread::spawn(move || run(offer.take()))
            })
            .collect();
        let mut put = 0;
        let mut taken = 0;
        for number in [1, 2] {
            if offer.is_empty() {
                offer.put(block(number));
                put += number;
            }
        }
        taken += run(offer.take());
        taken += thieves.into_iter().map(|t| t.join().unwrap()).sum::<u32>();
        assert_eq!(put, taken + run(offer.take()));
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
