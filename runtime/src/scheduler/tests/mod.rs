//! Tests of the sleep protocol and of the seats: models under loom, stress without.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 cargo test --release -p runtime --lib scheduler::tests
//! ```

#[cfg(loom)]
mod seat_models;
#[cfg(loom)]
mod sleep_models;
#[cfg(not(loom))]
mod stress;
