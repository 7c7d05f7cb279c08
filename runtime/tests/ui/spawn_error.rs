//! An error that cannot be an exit reason: what to do is said.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

fn text() -> Result<(), String> {
    Err("no".to_string())
}

fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("no".into())
}

fn main() {
    spawn!(|| text().map_err(ExitReason::other));
    spawn!(|| boxed().map_err(|error| ExitReason::other(error.to_string())));
    spawn!(text);
    spawn!(boxed);
}
