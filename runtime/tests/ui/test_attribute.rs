//! `#[runtime::test]` goes on a plain function, and is a test already.

#[runtime::test(workers = 1)]
#[test]
fn twice() {}

#[runtime::test]
async fn waits() {}

#[runtime::test]
fn with(argument: u8) {}

#[runtime::test(seed = 3)]
fn seeded() {}

fn main() {}
