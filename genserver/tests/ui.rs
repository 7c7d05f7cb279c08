//! What `#[gen_server]` refuses, and what the errors say: one file for each kind of mistake, with
//! the compiler's output beside it. `TRYBUILD=overwrite` writes the outputs anew.

/// Each mistake has its own error, at its own place.
#[test]
fn errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
