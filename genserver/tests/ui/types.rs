use genserver::{Called, From, Never, gen_server};

struct Server;

#[gen_server]
impl Server {
    #[init]
    fn init() -> u8 {
        0
    }

    #[call]
    fn both(&mut self, from: From<u64>) -> u64 {
        0
    }

    #[cast]
    fn answers(&mut self) -> u64 {
        0
    }

    #[call]
    fn goes_on(&mut self) -> Called<u8, u16> {
        genserver::gen_server::reply(1).continue_with(2)
    }
}

fn wrong(server: genserver::Server<Server>) {
    let _: Result<Never, _> = server.answers_not();
}

fn main() {}
