//! `main` returns what a `main` may: the error is at the type.

#[runtime::main]
fn main() -> u32 {
    4
}
