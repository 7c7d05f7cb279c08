//! A call of a gen_server.

use genserver::gen_server::{done, reply, start};
use genserver::{Called, Done, From, GenServer, Init, Never};
use runtime::ExitReason;

struct Adder;

impl GenServer for Adder {
    type Args = ();
    type Call = u64;
    type Reply = u64;
    type Cast = Never;
    type Continue = Never;

    fn init((): ()) -> Result<Init<Adder>, ExitReason> {
        Ok(Adder.into())
    }

    fn handle_call(&mut self, n: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
        Ok(reply(n + 1))
    }

    fn handle_cast(&mut self, _: Never) -> Result<Done, ExitReason> {
        Ok(done())
    }
}

pub(super) fn calls(n: u64) {
    let server = start::<Adder>(()).expect("it starts");
    for x in 0..n {
        assert_eq!(server.call(x), Ok(x + 1));
    }
    server.stop().expect("it stops");
}
