//! Models of the seats: the biased lock, and seats that change hands.
//!
//! Two users of a seat's content at once are found by loom's cell; a seat lost or made out of nothing
//! by counting; a lost wake-up as in `sleep_models`, whose world is used here.

use super::super::idle::{Look, Woken};
use super::super::seat::{Asked, FreeSeat, Inside, NoSeat, Revoked, Revoker, Seat, Withdrawn};
use super::super::seats::Seats;
use super::sleep_models::World;
use crate::loom::sync::{Arc, Condvar, Mutex};
use crate::loom::thread;

/// The content: the `next` slot.
type Next = Option<u32>;

/// A node: sleepers and queues, and seats.
struct Node {
    world: World,
    seats: Seats<Next>,
}

impl Node {
    fn new(workers: usize, seated: usize) -> (Arc<Node>, Revoker) {
        let (seats, revoker) = Seats::new(workers, seated, |_| None);
        (
            Arc::new(Node {
                world: World::new(workers, seated),
                seats,
            }),
            revoker,
        )
    }

    /// Called by worker `me`'s thread alone, and not inside.
    fn enter(&self, me: usize) -> Result<Inside<'_, Next>, NoSeat> {
        // SAFETY: each model gives each seat one thread, which drops what it got before it enters again.
        unsafe { self.seats.of(me).enter() }
    }

    fn look(&self, me: usize) -> Look {
        if self.seats.anybody_wants() {
            Look::Work
        } else {
            self.world.look(me)
        }
    }

    /// Worker `me`, with a seat, runs until it has done one thing or another has its seat.
    fn run_seated(&self, me: usize) -> Ran {
        let mut inside = self.enter(me).expect("it has a seat");
        let mut searcher = None;
        loop {
            if self.world.read(me) > 0 {
                return Ran::Did(Look::Own);
            }
            if self.world.steal() {
                return Ran::Did(Look::Work);
            }
            if searcher.is_none() {
                searcher = self.world.idle.begin_search();
            }
            if self.seats.anybody_wants()
                && let Some(some) = searcher.take()
            {
                match some.give_up(|| self.world.has_work()) {
                    Err(again) => searcher = Some(again),
                    Ok(proof) => match self.seats.stand_up(me, inside, proof, &self.world.idle) {
                        Ok(_) => return Ran::StoodUp,
                        Err(kept) => inside = kept,
                    },
                }
                continue;
            }
            searcher = match self
                .world
                .idle
                .sleep(me, &inside, searcher, None, None, || self.look(me))
            {
                Woken::Searching(searcher) => Some(searcher),
                Woken::Own | Woken::TimedOut => None,
            };
        }
    }

    /// Worker `me`, without a seat, sleeps until it is given one or has mail.
    fn wait_for_seat(&self, me: usize) -> bool {
        let seat = self.seats.of(me);
        while !seat.is_seated() && !self.world.has_mail(me) {
            self.world
                .idle
                .sleep_without_seat(me, None, || seat.is_seated() || self.world.has_mail(me));
        }
        seat.is_seated()
    }

    fn seated(&self, workers: usize) -> usize {
        (0..workers)
            .filter(|&worker| self.seats.of(worker).is_seated())
            .count()
    }
}

#[derive(PartialEq)]
enum Ran {
    Did(Look),
    StoodUp,
}

fn start<R: 'static>(
    node: &Arc<Node>,
    body: impl FnOnce(&Node) -> R + 'static,
) -> thread::JoinHandle<R> {
    let node = Arc::clone(node);
    thread::spawn(move || body(&node))
}

fn take(next: &mut Next) -> u32 {
    next.take().unwrap_or(0)
}

/// Lets one thread wait for another without taking part in what is modelled.
#[derive(Default)]
struct Flag {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Flag {
    fn raise(&self) {
        *self.raised.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut raised = self.raised.lock().unwrap();
        while !*raised {
            raised = self.changed.wait(raised).unwrap();
        }
    }
}

/// What the owner leaves in `next` is taken by it or by the revoker, once, whoever comes when.
#[test]
fn revoke_meets_enter() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(1, 1);
        let owner = start(&node, |node| {
            let mut taken = 0;
            let mut put = 0;
            for process in [1, 2] {
                // Inside between two processes, and again when a process wakes another.
                if let Ok(mut inside) = node.enter(0) {
                    put += process;
                    taken += inside.with(|next| next.replace(process)).unwrap_or(0);
                }
            }
            if let Ok(mut inside) = node.enter(0) {
                taken += inside.with(take);
            }
            (put, taken)
        });
        let mut stolen = 0;
        if let Some(mut revoked) = node.seats.of(0).try_revoke(&mut revoker) {
            stolen = revoked.with(take);
            let _free: FreeSeat<Next> = revoked.finish();
        }
        let (put, taken) = owner.join().unwrap();
        assert_eq!(put, taken + stolen);
    });
}

/// A revoker that only rescues `next` leaves the owner its seat, and takes nothing twice.
#[test]
fn rescue_meets_enter() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(1, 1);
        let owner = start(&node, |node| {
            let mut taken = 0;
            let mut put = 0;
            if let Ok(mut inside) = node.enter(0) {
                put += 1;
                inside.with(|next| *next = Some(1));
            }
            if let Ok(mut inside) = node.enter(0) {
                taken += inside.with(take);
                put += 2;
                inside.with(|next| *next = Some(2));
            }
            (put, taken)
        });
        let mut stolen = 0;
        for _ in 0..2 {
            if let Some(mut revoked) = node.seats.of(0).try_revoke(&mut revoker) {
                stolen += revoked.with(take);
                revoked.give_back();
            }
        }
        let (put, taken) = owner.join().unwrap();
        let left = node.enter(0).expect("it was given back").with(take);
        assert_eq!(put, taken + stolen + left);
    });
}

/// A seat goes round: revoked, asked for by its returning owner, granted; the content goes with it.
#[test]
fn grant_meets_want() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(1, 1);
        let settled = Arc::new(Flag::default());
        let settle = Arc::clone(&settled);
        let owner = start(&node, move |node| {
            if let Ok(mut inside) = node.enter(0) {
                inside.with(|next| *next = Some(1));
            }
            if let Ok(mut inside) = node.enter(0) {
                settle.raise();
                return inside.with(take);
            }
            let mut asked = node.seats.want(0, &node.world.idle);
            while asked == Asked::NotYet {
                thread::yield_now();
                asked = node.seats.want(0, &node.world.idle);
            }
            settle.raise();
            node.wait_for_seat(0);
            node.enter(0).expect("it was granted").with(take)
        });
        let mut stolen = 0;
        let mut in_hand = 0;
        if let Some(mut revoked) = node.seats.of(0).try_revoke(&mut revoker) {
            stolen = revoked.with(|next| next.replace(2)).unwrap_or(0);
            let free = revoked.finish();
            settled.wait();
            in_hand += usize::from(node.seats.grant_wanting(free, &node.world.idle).is_err());
        }
        // The owner's one, if it came first or was not revoked; or the two left in its place.
        let taken = owner.join().unwrap();
        assert!(
            matches!((stolen, taken), (0, 1) | (1, 2) | (0, 2)),
            "{stolen} {taken}"
        );
        assert_eq!(in_hand + node.seated(1), 1);
        assert!(!node.seats.anybody_wants());
    });
}

/// What stands behind a seat goes with it to its next owner, whoever gave it away.
#[test]
fn content_goes_with_the_seat() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(2, 1);
        let asked = node.seats.want(1, &node.world.idle);
        assert_eq!(asked, Asked::Yes);
        let next = start(&node, |node| {
            if node.wait_for_seat(1) {
                node.enter(1).expect("it was granted").with(take)
            } else {
                0
            }
        });
        let mut owner = Some(start(&node, |node| {
            let mut put = 0;
            for process in [1, 2] {
                if let Ok(mut inside) = node.enter(0) {
                    put += inside.with(|next| {
                        let before = take(next);
                        *next = Some(before + process);
                        process
                    });
                }
            }
            put
        }));
        let seat = node.seats.of(0);
        let early = seat.try_revoke(&mut revoker).map(Revoked::finish);
        let (put, free) = match early {
            Some(free) => (None, free),
            None => {
                let put = owner.take().map(|owner| owner.join().unwrap());
                let revoked = seat.try_revoke(&mut revoker);
                (put, revoked.expect("its owner is away").finish())
            }
        };
        let granted = node.seats.grant_wanting(free, &node.world.idle);
        assert!(matches!(granted, Ok(1)));
        let put = put.or_else(|| owner.map(|owner| owner.join().unwrap()));
        assert_eq!(put, Some(next.join().unwrap()));
    });
}

/// A worker that withdraws its request while it is granted has the seat or leaves it to the granter.
#[test]
fn grant_meets_withdraw() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(2, 1);
        let Some(revoked) = node.seats.of(0).try_revoke(&mut revoker) else {
            unreachable!("its owner is away");
        };
        let free = revoked.finish();
        let worker = start(&node, |node| {
            let asked = node.seats.want(1, &node.world.idle);
            assert_eq!(asked, Asked::Yes);
            match node.seats.withdraw(1) {
                Withdrawn::Seated => assert!(node.wait_for_seat(1)),
                Withdrawn::Unseated => assert!(node.enter(1).is_err()),
            }
        });
        let granted = node.seats.grant_wanting(free, &node.world.idle);
        worker.join().unwrap();
        assert_eq!(node.seated(2) + usize::from(granted.is_err()), 1);
        assert!(!node.seats.anybody_wants());
    });
}

/// A spare that asks for a seat while it is drafted has the one or the other: no seat goes to the thread
/// of one process.
#[test]
fn draft_meets_want() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(2, 1);
        let Some(revoked) = node.seats.of(0).try_revoke(&mut revoker) else {
            unreachable!("its owner is away");
        };
        let free = revoked.finish();
        let offered = node.seats.stand_by(1);
        assert_eq!(offered, Asked::Yes);
        let worker = start(&node, |node| node.seats.want(1, &node.world.idle));
        let drafted = node.seats.draft();
        let granted = node.seats.grant_wanting(free, &node.world.idle);
        let asked = worker.join().unwrap();
        let seat = node.seats.of(1);
        assert_eq!(seat.is_drafted(), drafted.is_some());
        match drafted {
            Some(_) => {
                assert_eq!(asked, Asked::Seated);
                assert!(granted.is_err());
                seat.discharge();
                let asked = node.seats.want(1, &node.world.idle);
                assert_eq!(asked, Asked::Yes);
            }
            None => assert_eq!(asked, Asked::Yes),
        }
    });
}

/// An owner may give its seat away while the watchdog examines it: the new one has it, nobody else.
#[test]
fn stand_up_meets_revoke() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(2, 1);
        let asked = node.seats.want(1, &node.world.idle);
        assert_eq!(asked, Asked::Yes);
        let owner = start(&node, |node| {
            let Ok(inside) = node.enter(0) else {
                return false;
            };
            let searcher = node.world.idle.begin_search().expect("it is alone");
            let Ok(proof) = searcher.give_up(|| false) else {
                unreachable!("there is no work");
            };
            matches!(
                node.seats.stand_up(0, inside, proof, &node.world.idle),
                Ok(1)
            )
        });
        let revoked = node
            .seats
            .of(0)
            .try_revoke(&mut revoker)
            .map(|revoked| revoked.finish());
        let stood_up = owner.join().unwrap();
        assert_ne!(stood_up, revoked.is_some());
        assert_eq!(usize::from(revoked.is_some()) + node.seated(2), 1);
    });
}

/// A spare that lies down while it is called gets up and has the seat.
#[test]
fn call_meets_a_spare_that_lies_down() {
    loom::model(|| {
        let (node, mut revoker) = Node::new(2, 1);
        // As for a spare whose thread is about to start.
        let offered = node.seats.stand_by(1);
        assert_eq!(offered, Asked::Yes);
        let spare = start(&node, |node| {
            node.wait_for_seat(1);
            assert!(node.enter(1).is_ok());
        });
        let Some(revoked) = node.seats.of(0).try_revoke(&mut revoker) else {
            unreachable!("its owner is away");
        };
        let free = revoked.finish();
        let granted = node.seats.grant_spare(free, &node.world.idle);
        assert!(matches!(granted, Ok(1)));
        spare.join().unwrap();
    });
}

/// A worker that wants a seat gets that of one who sleeps or lies down.
#[test]
fn want_wakes_a_sleeper() {
    loom::model(|| {
        let (node, _revoker) = Node::new(2, 1);
        let seated = start(&node, |node| {
            assert!(node.run_seated(0) == Ran::StoodUp);
        });
        let asked = node.seats.want(1, &node.world.idle);
        assert_eq!(asked, Asked::Yes);
        assert!(node.wait_for_seat(1));
        seated.join().unwrap();
        assert_eq!(node.seated(2), 1);
    });
}

/// Work pushed while a seat changes hands is done: by the old owner, or by the new one.
#[test]
fn push_meets_hand_over() {
    loom::model(|| {
        let (node, _revoker) = Node::new(2, 1);
        let old = start(&node, |node| {
            // It may have the work before anybody wants its seat: the other need not wait for it then.
            if node.run_seated(0) == Ran::Did(Look::Work) {
                node.world.send(1);
            }
        });
        let new = start(&node, |node| {
            let asked = node.seats.want(1, &node.world.idle);
            assert_eq!(asked, Asked::Yes);
            if node.wait_for_seat(1) {
                let _: Ran = node.run_seated(1);
            }
        });
        node.world.push(0);
        old.join().unwrap();
        new.join().unwrap();
    });
}

/// Work pushed while a searcher gives its seat to one that is busy ever after is done by another, asleep
/// or not.
#[test]
fn push_meets_hand_over_to_a_busy() {
    loom::model(|| {
        let (node, _revoker) = Node::new(3, 2);
        // One of the two stands up, the other does the work.
        let first = start(&node, |node| node.run_seated(0) == Ran::StoodUp);
        let second = start(&node, |node| node.run_seated(1) == Ran::StoodUp);
        // A worker without a seat that runs on: its process pushes.
        let asked = node.seats.want(2, &node.world.idle);
        assert_eq!(asked, Asked::Yes);
        node.world.push(0);
        let stood_up = [first.join().unwrap(), second.join().unwrap()];
        assert_ne!(stood_up[0], stood_up[1]);
    });
}

/// The seat's place in memory is the owner's and the watchdog's alone.
#[test]
fn seats_share_no_line() {
    assert!(align_of::<Seat<Next>>() >= 64);
}
