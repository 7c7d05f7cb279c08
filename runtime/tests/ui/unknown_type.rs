//! A pattern that does not tell its type is refused; the error shows how to write it.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { Some(x) => drop(x) }
    receive! { None => {} Ok(x) => drop(x), Err(e) => drop(e), Option::Some(Pong) => {} }
    receive! { (a, b) => drop((a, b)) }
    receive! { [a, b] => drop((a, b)) }
    receive! { "stop" => {} }
    receive! { 5 => {} -3 => {} 2.5 => {} }
    receive! { 1..=4 => {} }
    receive! { ref m => drop(m) }
    receive! { m @ _ => drop(m) }
}
