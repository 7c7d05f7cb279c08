//! `bank`: a thousand accounts, among which a teller has money transferred.
//!
//! Savina's "bank transaction": the account that gives is told by the teller, tells the one that
//! takes, and waits for its answer before it turns to the next transfer. So a process receives
//! selectively, with more mail before what it waits for, and a task awaits an answer in the middle
//! of its work. An account gives to later ones alone: no two wait for each other. Measured is the
//! time for a transfer; afterwards the balances are what the drawn transfers make of them.

use std::time::Instant;

use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::{Workload, in_task};
use crate::measured::{Measured, Unit};
use crate::random::Random;

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "bank",
    about: "Savina's bank: transfers among 1000 accounts",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: true,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

const ACCOUNTS: u64 = 1000;

/// Transfers under way at a time, at most.
const UNDER_WAY: u64 = 500;

/// The transfers that a teller draws: from whom, to whom, how much.
fn transfers(n: u64) -> impl Iterator<Item = (usize, usize, i64)> {
    let mut random = Random::new(1);
    (0..n).map(move |_| {
        let from = random.below(ACCOUNTS / 10 * 8);
        let to = from + 1 + random.below(ACCOUNTS - from - 1);
        (from as usize, to as usize, random.below(1000) as i64)
    })
}

/// What each account has in the end, having begun with nothing.
fn expected(n: u64) -> Vec<i64> {
    let mut balances = vec![0; ACCOUNTS as usize];
    for (from, to, amount) in transfers(n) {
        balances[from] -= amount;
        balances[to] += amount;
    }
    balances
}

#[derive(Debug)]
enum Order {
    Give {
        to: Pid,
        amount: i64,
    },
    Take {
        from: Pid,
        transfer: Ref,
        amount: i64,
    },
    Close,
}

#[derive(Debug)]
struct Taken(Ref);

#[derive(Debug)]
struct Transferred;

#[derive(Debug)]
struct Balance(i64);

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let teller = self_pid();
        let accounts: Vec<Pid> = (0..ACCOUNTS)
            .map(|_| spawn!(move || account(teller)))
            .collect();
        let start = Instant::now();
        for (number, (from, to, amount)) in (0..).zip(transfers(n)) {
            if number >= UNDER_WAY {
                receive! { Transferred => {} }
            }
            let to = accounts[to];
            send(accounts[from], Order::Give { to, amount });
        }
        for _ in 0..n.min(UNDER_WAY) {
            receive! { Transferred => {} }
        }
        let time = start.elapsed();
        let balances = accounts.iter().map(|account| {
            send(*account, Order::Close);
            let Balance(balance) = receive_type();
            balance
        });
        assert!(balances.eq(expected(n)), "money was lost");
        Measured::time(n, time)
    })
}

fn account(teller: Pid) {
    let (me, mut balance) = (self_pid(), 0);
    loop {
        receive! {
            order: Order => match order {
                Order::Give { to, amount } => {
                    balance -= amount;
                    let transfer = make_ref();
                    send(to, Order::Take { from: me, transfer, amount });
                    receive_ref(transfer, None, |taken: &Taken| taken.0 == transfer);
                    send(teller, Transferred);
                }
                Order::Take { from, transfer, amount } => {
                    balance += amount;
                    send(from, Taken(transfer));
                }
                Order::Close => break,
            }
        }
    }
    send(teller, Balance(balance));
}

/// What is asked of a task.
enum Asked {
    Give(usize, i64),
    Take(i64, oneshot::Sender<()>),
    Close(oneshot::Sender<i64>),
}

type Account = mpsc::UnboundedSender<Asked>;

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (teller, mut transferred) = mpsc::unbounded_channel();
        let (accounts, mailboxes): (Vec<Account>, Vec<_>) =
            (0..ACCOUNTS).map(|_| mpsc::unbounded_channel()).unzip();
        let accounts: &'static [Account] = accounts.leak();
        for mailbox in mailboxes {
            tokio::spawn(account_task(mailbox, accounts, teller.clone()));
        }
        let start = Instant::now();
        for (number, (from, to, amount)) in (0..).zip(transfers(n)) {
            if number >= UNDER_WAY {
                transferred.recv().await.expect("a transfer ends");
            }
            let give = Asked::Give(to, amount);
            assert!(accounts[from].send(give).is_ok(), "an account is open");
        }
        for _ in 0..n.min(UNDER_WAY) {
            transferred.recv().await.expect("a transfer ends");
        }
        let time = start.elapsed();
        let mut balances = Vec::new();
        for account in accounts {
            let (teller, balance) = oneshot::channel();
            assert!(account.send(Asked::Close(teller)).is_ok(), "it is open");
            balances.push(balance.await.expect("it tells"));
        }
        assert_eq!(balances, expected(n), "money was lost");
        Measured::time(n, time)
    })
}

async fn account_task(
    mut mailbox: mpsc::UnboundedReceiver<Asked>,
    accounts: &'static [Account],
    teller: mpsc::UnboundedSender<()>,
) {
    let mut balance = 0;
    while let Some(asked) = mailbox.recv().await {
        match asked {
            Asked::Give(to, amount) => {
                balance -= amount;
                let (taken, answer) = oneshot::channel();
                let take = Asked::Take(amount, taken);
                assert!(accounts[to].send(take).is_ok(), "an account is open");
                answer.await.expect("it is taken");
                teller.send(()).expect("the teller waits");
            }
            Asked::Take(amount, taken) => {
                balance += amount;
                taken.send(()).expect("who gives waits");
            }
            Asked::Close(teller) => {
                teller.send(balance).expect("the teller waits");
                return;
            }
        }
    }
}
