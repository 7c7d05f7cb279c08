//! Tests of the mailbox: models of the inbox under loom, tests of the ring without.
//!
//! The models run the shipped [`Inbox`](super::inbox::Inbox) and envelopes; a
//! [`Place`](place::Place) stands for the slot around them. What each model refuses:
//!
//! | model                         | a change that it refuses                                       |
//! |-------------------------------|----------------------------------------------------------------|
//! | `a_failed_push_leaves_no_link`| `push` claims without `set_next(null)`                         |
//! | `each_message_arrives_once`   | `push` or `wait` without release, `take` or `claim` without    |
//! |                               | acquire, a `wait` that does not look                           |
//! | `close_meets_send`            | `close` without acquire                                        |
//! | `a_stray_reaches_nobody`      | an owner that does not compare the generation                  |
//! | `the_last_generation_closes`  | `retire` that starts again at a generation that was            |
//! | `a_wake_is_not_lost`          | `wake` of a running process without a write, or before the flag|
//! | `a_wake_behind_mail_is_seen`  | `wake` that finds a chain and does not write it back           |
//! | `two_wakers_are_one`          | `set` that does not write what is set already; `clear` without |
//! |                               | acquire                                                        |
//! | `a_waker_of_the_dead_is_mute` | `set` that does not compare the generation, `retire` that      |
//! |                               | keeps the flags                                                |
//! | `a_timer_is_not_lost`         | a flag that is set after the wake-up                           |
//! | `a_kill_is_seen_by_its_sender`| a mark that is set after the push                              |
//! | `a_kill_spares_the_successor` | `set` that compares the generation before and after, and takes |
//! |                               | the flag back                                                  |
//! | `a_timer_ends_with_its_`      | a mark that is set before the timer, or not looked behind; an  |
//! | `destination`                 | end that looks for the mark before it closes                   |
//! | `the_second_timer_ends_with_` | a setter that finds the mark and does not look whether the     |
//! | `its_destination`             | inbox is closed                                                |
//! | `a_timer_comes_to_one_end`    | a timer that is looked at and taken under two locks            |
//! | `priority_goes_before_what_`  | a receive that does not empty the inbox before it looks at     |
//! | `waits`                       | what was taken before                                          |
//! | `priority_and_ordinary_meet_` | a claiming sender that forgets the one for the other; a `wait` |
//! | `suspend`                     | that does not look                                             |
//! | `priority_keeps_its_order`    | a chain that is taken newest first                             |
//!
//! ```text
//! .ci/loom mailbox
//! ```

#[cfg(loom)]
mod inbox_models;
#[cfg(loom)]
mod place;
#[cfg(loom)]
mod priority_models;
#[cfg(not(loom))]
mod ring;
#[cfg(not(loom))]
mod save_position;
#[cfg(loom)]
mod slot_models;
#[cfg(loom)]
mod timed_models;
#[cfg(loom)]
mod wake_models;
