//! A supervised pool: workers that compute, one of which crashes now and then; a gen_server hands out the work, and
//! hands it out again if its worker has died.
//!
//! ```sh
//! cargo run --release -p genserver --example pool
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use genserver::gen_server::{done, reply};
use genserver::supervisor::{ChildSpec, Flags, Strategy, start_link};
use genserver::{Called, Done, From, GenServer, Init, Server};
use runtime::prelude::*;

const WORKERS: usize = 4;
const JOBS: u64 = 1000;

/// How many jobs were handed out so far.
static TURN: AtomicU64 = AtomicU64::new(0);

/// Who hands out the work.
struct Pool {
    jobs: VecDeque<u64>,
    /// Who works at what, by the monitor of the worker.
    working: HashMap<Ref, u64>,
    results: HashMap<u64, u64>,
    lost: u64,
    whom_to_tell: Pid,
}

/// A worker asks for a job.
#[derive(Debug)]
struct NextJob;

#[derive(Debug)]
struct Finished {
    job: u64,
    result: u64,
}

#[derive(Debug)]
struct AllDone {
    sum: u64,
    lost: u64,
}

impl GenServer for Pool {
    type Args = Pid;
    type Call = NextJob;
    type Reply = Option<u64>;
    type Cast = Finished;
    type Continue = genserver::Never;

    fn init(whom_to_tell: Pid) -> Result<Init<Pool>, ExitReason> {
        let pool = Pool {
            jobs: (1..=JOBS).collect(),
            working: HashMap::new(),
            results: HashMap::new(),
            lost: 0,
            whom_to_tell,
        };
        Ok(pool.into())
    }

    fn handle_call(
        &mut self,
        _: NextJob,
        from: From<Option<u64>>,
    ) -> Result<Called<Option<u64>>, ExitReason> {
        let job = self.jobs.pop_front();
        if let Some(job) = job {
            self.working.insert(monitor(from.pid()), job);
        }
        Ok(reply(job))
    }

    fn handle_cast(&mut self, Finished { job, result }: Finished) -> Result<Done, ExitReason> {
        self.working.retain(|watch, working| {
            let over = *working == job;
            if over {
                demonitor(*watch);
            }
            !over
        });
        self.results.insert(job, result);
        if self.results.len() as u64 == JOBS {
            let sum = self.results.values().sum();
            let lost = self.lost;
            send(self.whom_to_tell, AllDone { sum, lost });
        }
        Ok(done())
    }

    fn handle_info(&mut self, message: AnyMessage) -> Result<Done, ExitReason> {
        match_message!(message {
            // A worker has died at its work: another will do it.
            Down { monitor, .. } => if let Some(job) = self.working.remove(&monitor) {
                self.lost += 1;
                self.jobs.push_back(job);
            },
            other => println!("what is this? {other:?}"),
        });
        Ok(done())
    }
}

fn work() {
    let pool = Server::<Pool>::of("pool");
    loop {
        match pool.call(NextJob) {
            Ok(Some(job)) => {
                // Every hundredth time it goes wrong.
                if TURN.fetch_add(1, Ordering::Relaxed) % 100 == 99 {
                    exit(ExitReason::other("a worker's mishap"));
                }
                pool.cast(Finished {
                    job,
                    result: job * job,
                });
            }
            Ok(None) => sleep(std::time::Duration::from_millis(1)),
            Err(error) => exit(error),
        }
    }
}

#[runtime::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = Flags::new(Strategy::OneForOne).intensity(1000, std::time::Duration::from_secs(1));
    let mut children = vec![ChildSpec::named_server::<Pool>("pool", self_pid())];
    for n in 0..WORKERS {
        children.push(ChildSpec::process(format!("worker {n}"), work));
    }
    let supervisor = start_link(flags, children)?;
    receive! {
        AllDone { sum, lost } => {
            assert_eq!(sum, JOBS * (JOBS + 1) * (2 * JOBS + 1) / 6);
            assert!(lost > 0, "no worker had a mishap");
            println!("{JOBS} squares add up to {sum}; {lost} jobs were lost with their workers, and done again");
        }
    }
    supervisor.stop()?;
    Ok(())
}
