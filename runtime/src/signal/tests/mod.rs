//! Models of the signals' protocols under loom.
//!
//! They run the shipped inbox, links and tables; a [`World`](world::World) of two or three processes
//! stands for the slots around them, and does what `link`, `monitor`, `process::run` and
//! `process::zombie` do with what the shipped parts return. What each model refuses:
//!
//! | model                           | a change that it refuses                                     |
//! |---------------------------------|--------------------------------------------------------------|
//! | `link_meets_unlink`             | an end that is forgotten at the unlink, not at its answer;   |
//! |                                 | `accept` that turns `Unlinking` into `Active`                |
//! | `an_old_answer_is_no_answer`    | `acknowledged` that does not compare the number              |
//! | `link_meets_exit`               | as below; a `Link` that finds the dead and is not answered   |
//! | `monitor_meets_exit`            | an end that tells before what came last is applied           |
//! | `demonitor_meets_exit`          | a `Down` that does not look for its monitor                  |
//! | `kill_meets_suspend`            | a claiming sender that applies, and lets the process wait    |
//! |                                 | without another look                                         |
//! | `a_claim_applies_in_place`      | as above                                                     |
//! | `a_name_goes_with_its_process`  | a look at the inbox before the flag is set, and none after;  |
//! |                                 | flags that are read before the inbox is closed               |
//! | `a_name_has_one_process`        | a name that is taken without a look at who has it            |
//! | `a_name_is_seen_at_once`        | a name that `pids` alone shows                               |
//! | `a_zombie_comes_back`           | a zombie that is not told of its end                         |
//! | `a_monitor_meets_a_zombie`      | a sender that does not look after its push; an inbox that is |
//! |                                 | taken over before the mark, or without a write               |
//! | `a_monitor_meets_one_that_..`   | an owner that tells nobody since others have told            |
//! | `a_zombie_links`                | a link that is not entered again                             |
//! | `an_exit_is_trapped_or_fatal`   | `trap_exit` without the lock                                 |
//! | `a_question_meets_exit`         | an end that forgets what it was asked; a question that finds |
//! |                                 | the dead and is not answered                                 |
//! | `a_question_behind_an_exit`     | as above; a question that passes what was sent before        |
//! | `a_question_meets_suspend`      | a claiming sender that lets a process wait which is asked    |
//! | `two_ask_about_each_other`      | a claiming sender that lets a process wait which is answered |
//! | `a_late_answer_is_none`         | a number that is not compared, or still good when the asker  |
//! |                                 | has given up                                                 |
//! | `an_answer_meets_a_zombie`      | an answer that is kept back when its sender has forgotten    |
//! |                                 | the client                                                   |
//! | `an_answer_meets_one_who_..`    | a monitor that another's answer ends, and the server keeps   |
//!
//! ```text
//! .ci/loom signal
//! ```

mod answer_models;
mod end_models;
mod link_models;
mod question_models;
mod world;
mod zombie_models;
