use genserver::gen_server;

struct Server;

#[gen_server]
impl Server {
    #[call]
    fn get(&self) -> u8 {
        0
    }
}

/// The client is there nevertheless, so this is no second error.
fn ask(server: genserver::Server<Server>) -> u8 {
    server.get().unwrap_or(0)
}

fn main() {}
