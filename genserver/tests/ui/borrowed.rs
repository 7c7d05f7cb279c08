use genserver::{Called, gen_server};

struct Store(String);

#[gen_server]
impl Store {
    #[init]
    fn init(text: &str) -> Self {
        Store(text.into())
    }

    #[call]
    fn get(&mut self, key: Option<&str>) -> u64 {
        0
    }

    #[call]
    fn all(&mut self) -> &str {
        &self.0
    }

    #[cast]
    fn put(&mut self, key: impl Into<String>) {}

    #[call]
    fn bare(&mut self) -> Called {
        loop {}
    }
}

fn main() {}
