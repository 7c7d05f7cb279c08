//! The parts of which a program's time is made: each a function that does one of them `n` times.
//!
//! The micro-benchmarks (`benches/parts.rs`) time them, `.ci/instructions` counts the instructions
//! of the hottest. The program `compare` measures whole workloads, and has its own modules.

pub mod part;
