//! The macros, where the crate `runtime` has another name.

use ::runtime as other;
/// Is in the way.
mod runtime {}

fn echo(what: u8) {
    other::receive! { from: other::Pid => other::send(from, what) }
}

/// The macros find the crate under any name, and with another `runtime` in the way.
#[other::test(crate = other)]
fn a_renamed_crate() {
    let child = other::spawn!(echo, 4u8);
    other::send(child, other::self_pid());
    other::receive! { 4u8 => {} }
    other::match_message!(other::AnyMessage::new('c') { 'c' => {} _ => panic!() });
}
