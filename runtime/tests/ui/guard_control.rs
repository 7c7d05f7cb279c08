//! Control cannot leave a guard but by its value.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn wait() -> Option<()> {
    let limit = Some(3);
    loop {
        receive! { Msg::Add(n) if n > limit? => {} }
        receive! { Msg::Add(n) if { if n > 3 { break } true } => {} }
        receive! { Msg::Add(n) if { if n > 3 { continue } true } => {} }
        receive! { Msg::Add(n) if { if n > 3 { return None } true } => {} }
        receive! { Msg::Add(n) if 'a: { 'b: loop { if n > 3 { break 'b } else { break 'c } } break 'a true } => {} }
    }
}

fn main() {}
