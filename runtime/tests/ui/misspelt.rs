//! A misspelt pattern is one error, with a suggestion.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

#[derive(Debug)]
struct Ping {
    from: Pid,
}

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { Pnog => {} }
    receive! { Pign { from } => send(from, Pong) }
    receive! { Msg::Ad(n) => println!("{n}") }
    receive! { Ping { form } => send(form, Pong) }
    receive! { Some(Pnog): Option<Pong> => {} }
    receive! { Pnog if true => {} Pnog => {} m => drop(m) }
}
