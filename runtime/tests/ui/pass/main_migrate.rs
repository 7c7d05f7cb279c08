//! `unsafe(migrate)` and a result that is not `Send`.
#![deny(warnings)]

// SAFETY: nothing here is tied to a thread.
#[runtime::main(unsafe(migrate))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: u8 = "7".parse()?;
    assert_eq!(n, 7);
    Ok(())
}
