//! `unsafe(migrate)` is the user's unsafe code: `forbid(unsafe_code)` forbids it.
#![forbid(unsafe_code)]

#[runtime::main(unsafe(migrate))]
fn main() {}
