use std::rc::Rc;

use genserver::{Called, From, gen_server};

struct Server;

struct Plain1;
struct Plain2;
struct Plain3;
struct Plain4;
struct Plain5;
struct Plain6;

#[gen_server]
impl Server {
    #[init]
    fn init() -> Self {
        Server
    }

    #[call]
    fn takes(&mut self, _plain: Plain1) {}

    #[call]
    fn gives(&mut self) -> Plain2 {
        Plain2
    }

    #[call]
    fn goes_on(&mut self) -> Called<Plain3> {
        genserver::gen_server::reply(Plain3)
    }

    #[call]
    fn afterwards(&mut self, _from: From<Plain4>) {}

    #[cast]
    fn is_told(&mut self, _plain: Plain5) {}

    #[info]
    fn on_plain(&mut self, _plain: Plain6) {}
}

mod tied {
    use super::*;

    struct Tied;

    #[gen_server]
    impl Tied {
        #[init]
        fn init() -> Self {
            Tied
        }

        #[call]
        fn takes(&mut self, _tied: Rc<u8>) {}

        #[call]
        fn gives(&mut self) -> Rc<u16> {
            Rc::new(1)
        }

        #[cast]
        fn is_told(&mut self, _tied: Rc<u32>) {}

        #[info]
        fn on_tied(&mut self, _tied: Rc<u64>) {}
    }
}

mod on {
    use super::*;

    struct On;

    #[gen_server]
    impl On {
        #[init]
        fn init(_start: Rc<i8>) -> Self {
            On
        }

        #[continued]
        fn on(&mut self, _tied: Rc<i16>) {}
    }
}

fn main() {}
