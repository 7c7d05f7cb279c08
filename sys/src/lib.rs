//! `sys(3erl)`: system messages and debug functions of processes. Not a binding to a foreign
//! library, as the name would mean elsewhere in Rust.
//!
//! Empty so far: it stands on links and monitors.

#![forbid(unsafe_code)]
