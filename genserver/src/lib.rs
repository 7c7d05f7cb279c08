//! OTP's behaviours: `proc_lib`, `gen_server`, `supervisor`.
//!
//! Empty so far: they stand on links and monitors.

#![forbid(unsafe_code)]
