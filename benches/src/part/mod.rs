//! The parts. Each runs inside a process, checks what it did, and leaves nothing behind.

mod call;
mod message;
mod monitor;
mod name;
mod scan;
mod spawn;
mod switch;
mod timer;
mod wake;

/// Something that is done again and again.
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// How many workers it needs.
    pub workers: usize,
    /// Does it `n` times, in the calling process.
    pub run: fn(u64),
}

const fn part(name: &'static str, run: fn(u64)) -> Part {
    Part {
        name,
        workers: 1,
        run,
    }
}

/// Every part.
pub static PARTS: [Part; 11] = [
    part("switch", switch::yields),
    part("spawn", spawn::waves),
    part("send", message::send_only),
    part("receive", message::send_and_receive),
    part("roundtrip", message::round_trips),
    part("scan", scan::others),
    part("timer", timer::set_and_cancel),
    Part {
        workers: 2,
        ..part("wake", wake::round_trips)
    },
    part("monitor", monitor::set_and_cancel),
    part("whereis", name::look_ups),
    part("call", call::calls),
];

/// The part of this name.
pub fn find(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_does_what_it_claims() {
        // Each checks itself, at a size that is no round number.
        for part in &PARTS {
            let builder = runtime::Builder::new().workers(part.workers);
            let node = builder.start().expect("the node starts");
            node.run(|| (part.run)(1234));
        }
    }
}
