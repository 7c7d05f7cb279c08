use genserver::{Done, From, gen_server};

struct Server;

#[gen_server]
impl Server {
    #[init]
    fn init(&self) -> Self {
        Server
    }

    #[call]
    fn slow(&mut self) -> Done {
        genserver::gen_server::done()
    }

    #[call]
    fn twice(&mut self, from: From<u8>, from: From<u8>) {}

    #[call]
    fn stop(&mut self) {}

    #[call]
    async fn waits(&mut self) {}

    #[call]
    fn of_any<T>(&mut self, value: T) {}

    #[call]
    fn consumes(self) {}

    #[cast]
    fn stateless() {}

    #[cast(now)]
    fn options(&mut self) {}

    #[cast]
    #[info]
    fn both(&mut self, what: u8) {}

    #[info]
    fn two(&mut self, one: u8, other: u8) {}

    #[terminate]
    fn bye(&mut self, reason: runtime::ExitReason) {}

    #[timeout]
    fn idle(&mut self, what: u8) {}
}

fn main() {}
