//! Numbers that look random, the same in every run and on every side.

/// Marsaglia's xorshift.
pub struct Random(u64);

impl Random {
    /// The sequence of this number.
    pub fn new(number: u64) -> Random {
        // Never zero, which has no successor.
        Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number, made one below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
