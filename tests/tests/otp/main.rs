//! The cases of OTP's own test suites that say how processes behave: a file for each suite, a test
//! for each case, under its name. Where a case speaks of what Rust has not, the test keeps what it
//! means. The chapter "How a process behaves" of the book lists all cases, with those that do not
//! apply.

mod after;
mod bif;
mod erl_link;
mod expect;
mod gen_server;
mod hibernate;
mod message_queue_data;
mod monitor;
mod proc_lib;
mod process;
mod process_info;
mod receive;
mod r#ref;
mod register;
mod signal;
mod supervisor;
mod sys;
