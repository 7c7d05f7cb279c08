use genserver::gen_server;
use runtime::AnyMessage;

struct Server;

#[gen_server]
impl Server {
    #[init]
    fn init() -> Self {
        Server
    }

    #[init]
    fn init_again() -> Self {
        Server
    }

    #[call]
    fn same(&mut self) {}

    #[cast]
    fn same(&mut self) {}

    #[info]
    fn on_byte(&mut self, byte: u8) {}

    #[info]
    fn on_another(&mut self, byte: u8) {}

    #[info]
    fn on_any(&mut self, any: AnyMessage) {}

    #[info]
    fn on_rest(&mut self, rest: runtime::AnyMessage) {}
}

fn main() {}
