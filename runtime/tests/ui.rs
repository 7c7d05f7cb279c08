//! What must not compile, and what the errors say: one file for each mistake, with the compiler's
//! output beside it. `TRYBUILD=overwrite` writes the outputs anew.

/// Each mistake has its own error, at its own place; a whole program has none, and runs.
#[test]
fn errors() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/ui/*.rs");
    tests.pass("tests/ui/pass/*.rs");
}
