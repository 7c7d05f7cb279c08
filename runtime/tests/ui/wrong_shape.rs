//! An upper-case identifier is a path: it must name a unit struct, a unit variant or a constant.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
pub enum Msg {
    Add(u32),
    Get,
    Put(String),
}

#[derive(Debug)]
struct Ping {
    from: Pid,
}

use Msg::*;

fn main() {
    receive! { Ping => {} }
    receive! { Add => {} }
    receive! { Msg::Put => {} }
}
