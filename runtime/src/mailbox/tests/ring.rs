//! Tests of the ring: positions, markers, empty places; and a model of it.

use std::collections::HashMap;

use super::super::ring::Ring;
use crate::message::{AnyMessage, Message, type_key};

fn push_all(ring: &mut Ring, numbers: impl IntoIterator<Item = u32>) {
    for n in numbers {
        ring.push(AnyMessage::new(n));
    }
}

fn take<T: Message>(ring: &mut Ring, position: u64) -> T {
    ring.lift(position).downcast::<T>().unwrap()
}

/// Positions count from zero on, a search starts at the one it is told, and passes other types.
#[test]
fn positions_only_grow() {
    let mut ring = Ring::default();
    assert!(ring.is_empty());
    assert_eq!((ring.end(), ring.find(0, None)), (0, None));
    ring.push(AnyMessage::new(1u32));
    ring.push(AnyMessage::new("two"));
    ring.push(AnyMessage::new(3u32));
    let keys = [type_key::<u32>()];
    assert_eq!(ring.find(0, Some(&keys)), Some(0));
    assert_eq!(ring.find(1, Some(&keys)), Some(2));
    assert_eq!(ring.find(1, None), Some(1));
    assert_eq!(ring.find(3, None), None);
    assert_eq!(ring.find(99, None), None);
    assert_eq!(ring.find(0, Some(&[])), None);

    // What is taken at the front vanishes; the positions of the others stay.
    let mut save = 0;
    assert_eq!(take::<u32>(&mut ring, 0), 1);
    ring.tidy(&mut [&mut save]);
    assert_eq!(ring.find(0, None), Some(1));
    assert_eq!(take::<u32>(&mut ring, 2), 3);
    ring.tidy(&mut [&mut save]);
    assert_eq!((ring.len(), ring.end()), (1, 3));
    assert_eq!(take::<&str>(&mut ring, 1), "two");
    ring.tidy(&mut [&mut save]);
    assert!(ring.is_empty());
    assert_eq!((ring.end(), ring.epoch()), (3, 0));
}

/// A marker made before the positions moved is told from one that still counts.
#[test]
fn the_epoch_tells_when_positions_move() {
    let mut ring = Ring::default();
    push_all(&mut ring, 0..100);
    let mut save = 0;
    // All but the first and the last, from the front: the first keeps the places.
    let mut position = 1;
    while ring.epoch() == 0 {
        assert!(position < 99, "empty places never vanish");
        take::<u32>(&mut ring, position);
        position += 1;
        ring.tidy(&mut [&mut save]);
    }
    assert_eq!(ring.end(), ring.len() as u64, "no place is empty now");
    let mut left = Vec::new();
    while let Some(message) = ring.pop(&mut save) {
        left.push(message.downcast::<u32>().unwrap());
    }
    assert_eq!(left, (0..1).chain(position as u32..100).collect::<Vec<_>>());
}

/// The owner's save position stays between the same two messages when places vanish.
#[test]
fn the_save_position_moves_with_its_messages() {
    let mut ring = Ring::default();
    push_all(&mut ring, 0..100);
    // Behind the message 60.
    let mut save = 61;
    // All between the first, which keeps its place, and 60.
    for number in 1..60 {
        let position = ring.find(1, None).unwrap();
        assert_eq!(take::<u32>(&mut ring, position), number);
        ring.tidy(&mut [&mut save]);
    }
    assert_ne!(ring.epoch(), 0);
    let next = ring.find(save, None).unwrap();
    assert_eq!(take::<u32>(&mut ring, next), 61);
}

/// A save position at the end of the ring stays there.
#[test]
fn the_save_position_at_the_end_stays() {
    let mut ring = Ring::default();
    push_all(&mut ring, 0..100);
    let mut save = ring.end();
    for number in 1..100 {
        let position = ring.find(1, None).unwrap();
        assert_eq!(take::<u32>(&mut ring, position), number);
        ring.tidy(&mut [&mut save]);
        assert_eq!(ring.find(save, None), None);
    }
    push_all(&mut ring, [7]);
    let next = ring.find(save, None).unwrap();
    assert_eq!(take::<u32>(&mut ring, next), 7);
}

/// A message that is lent stays where it is; one that is taken while lent leaves its place.
#[test]
fn a_lent_message_stays() {
    let mut ring = Ring::default();
    push_all(&mut ring, [1, 2]);
    // SAFETY: not dropped here.
    let lent = std::mem::ManuallyDrop::new(unsafe { ring.lend(1) });
    assert_eq!(lent.downcast_ref::<u32>(), Some(&2));
    assert_eq!(ring.find(1, None), Some(1));
    assert_eq!(ring.len(), 2);
    // SAFETY: its place is emptied.
    let taken = unsafe { ring.lend(1) };
    ring.forget(1);
    assert_eq!(taken.downcast::<u32>().unwrap(), 2);
    assert_eq!((ring.find(1, None), ring.len()), (None, 1));
}

/// What is left in a ring is dropped with it, each message once.
#[test]
fn a_ring_drops_its_messages() {
    let counted = std::sync::Arc::new(());
    let mut ring = Ring::default();
    for _ in 0..50 {
        ring.push(AnyMessage::new(std::sync::Arc::clone(&counted)));
    }
    drop(ring.lift(20));
    drop(ring.lift(0));
    drop(ring);
    assert_eq!(std::sync::Arc::strong_count(&counted), 1);
}

/// A generator of numbers that a failing run can be repeated with.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// What the ring should hold: the messages in order, each with its number and whether it is small.
#[derive(Default)]
struct Model {
    messages: Vec<(u32, bool)>,
    /// How many of them stand before the save position.
    before_save: usize,
}

/// Whatever is pushed, searched, taken, lent and tidied, the ring holds what a plain list would,
/// its save position keeps its place, and a marker of the present epoch finds what came after it.
#[test]
fn the_ring_is_a_list() {
    let rounds = if cfg!(debug_assertions) { 200 } else { 2000 };
    for round in 1..=rounds {
        let seed = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(round);
        // Shown only when the test fails.
        println!("seed {seed:#x}");
        check_against_a_list(&mut Random(seed), 400);
    }
}

fn check_against_a_list(random: &mut Random, steps: usize) {
    let mut ring = Ring::default();
    let mut save = 0;
    let mut model = Model::default();
    // Markers: position, epoch, and the number of the first message that came after.
    let mut markers = Vec::new();
    let mut number = 0;
    let takes = 1 + random.below(6);
    for _ in 0..steps {
        match random.below(8 + takes) {
            0..4 => {
                let small = random.below(3) == 0;
                ring.push(if small {
                    AnyMessage::new(number as u8)
                } else {
                    AnyMessage::new(number)
                });
                model.messages.push((number, small));
                number += 1;
            }
            4 => markers.push((ring.end(), ring.epoch(), number)),
            5 => {
                save = ring.end();
                model.before_save = model.messages.len();
            }
            6 => ring.shrink(&mut save),
            7 => {
                if let Some(message) = ring.pop(&mut save) {
                    let (expected, small) = model.messages.remove(0);
                    model.before_save = model.before_save.saturating_sub(1);
                    assert_same(message, expected, small);
                } else {
                    assert!(model.messages.is_empty());
                }
            }
            _ => {
                let small = random.below(3) == 0;
                let nth = random.below(model.messages.len() + 1);
                take_nth(&mut ring, &mut save, &mut model, small, nth);
            }
        }
        assert_eq!(ring.len(), model.messages.len());
        assert_eq!(ring.is_empty(), model.messages.is_empty());
        let beyond_save = ring.find(save, None).is_some();
        assert_eq!(beyond_save, model.before_save < model.messages.len());
    }
    let shown: HashMap<u64, u32> = positions(&ring)
        .into_iter()
        .zip(model.messages.iter().map(|&(number, _)| number))
        .collect();
    for (position, epoch, first) in markers {
        if epoch == ring.epoch() {
            let found = ring.find(position, None).map(|at| shown[&at]);
            let expected = model.messages.iter().find(|(number, _)| *number >= first);
            assert_eq!(found, expected.map(|(number, _)| *number));
        }
    }
}

/// Takes the `nth` message of a type, as a selective receive does.
fn take_nth(ring: &mut Ring, save: &mut u64, model: &mut Model, small: bool, nth: usize) {
    let keys = [if small {
        type_key::<u8>()
    } else {
        type_key::<u32>()
    }];
    let mut at = ring.find(0, Some(&keys));
    for _ in 0..nth {
        at = at.and_then(|at| ring.find(at + 1, Some(&keys)));
    }
    let of_type = |found: &(usize, &(u32, bool))| found.1.1 == small;
    let expected = model.messages.iter().enumerate().filter(of_type).nth(nth);
    let expected = expected.map(|(index, &(number, _))| (index, number));
    let (Some(at), Some((index, number))) = (at, expected) else {
        assert_eq!(at.is_some(), expected.is_some());
        return;
    };
    model.messages.remove(index);
    model.before_save -= usize::from(index < model.before_save);
    let message = ring.lift(at);
    ring.tidy(&mut [save]);
    assert_same(message, number, small);
}

fn assert_same(message: AnyMessage, number: u32, small: bool) {
    if small {
        assert_eq!(message.downcast::<u8>().unwrap(), number as u8);
    } else {
        assert_eq!(message.downcast::<u32>().unwrap(), number);
    }
}

/// The positions of all messages.
fn positions(ring: &Ring) -> Vec<u64> {
    let first = ring.find(0, None);
    std::iter::successors(first, |at| ring.find(at + 1, None)).collect()
}
