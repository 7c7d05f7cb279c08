//! Tests of the sleep protocol and of the seats: models under loom, stress without.
//!
//! ```text
//! .ci/loom scheduler::tests
//! LOOM_MAX_PREEMPTIONS=3 .ci/loom scheduler::tests -- --include-ignored      (hours)
//! RUNTIME_STRESS_SECONDS=3600 cargo test --release -p runtime --lib scheduler::tests::stress
//! ```

#[cfg(loom)]
mod offer_models;
#[cfg(loom)]
mod seat_models;
#[cfg(loom)]
mod sleep_models;
#[cfg(not(loom))]
mod stress;
