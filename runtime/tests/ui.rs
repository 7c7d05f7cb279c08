//! What must not compile, and what the errors say: one file for each mistake, with the compiler's
//! output beside it. `TRYBUILD=overwrite` writes the outputs anew.

/// Each mistake has its own error, at its own place.
#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
