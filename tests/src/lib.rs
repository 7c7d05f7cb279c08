//! What crosses crates: the cases of OTP's own suites, in `tests/otp`; reports beside those of OTP's
//! logger, in `tests/reports.rs`; and here the programs in the README and in the book, made into
//! documentation tests, so that `cargo test` compiles and runs them. Chapters that are not here have
//! none.

/// One item for each text: its programs are reported under the item's name.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/for-rustaceans.md")]
    struct ForRustaceans;
    #[doc = include_str!("../../docs/guide.md")]
    struct Guide;
    #[doc = include_str!("../../docs/servers.md")]
    struct Servers;
    #[doc = include_str!("../../docs/semantics.md")]
    struct Semantics;
    #[doc = include_str!("../../docs/scheduling.md")]
    struct Scheduling;
    #[doc = include_str!("../../docs/stacks.md")]
    struct Stacks;
    #[doc = include_str!("../../docs/soundness.md")]
    struct Soundness;
}
