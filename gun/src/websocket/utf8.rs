//! UTF-8 checked as it arrives: wrong at the first byte that cannot be right.

/// The check of one message.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// A character that is right so far, and not whole.
    partial: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Looks at more of the message. False: it is not UTF-8.
    #[must_use]
    pub(super) fn feed(&mut self, mut data: &[u8]) -> bool {
        while self.len > 0 {
            let Some((&byte, rest)) = data.split_first() else {
                return true;
            };
            self.partial[self.len] = byte;
            self.len += 1;
            data = rest;
            match std::str::from_utf8(&self.partial[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let Err(error) = std::str::from_utf8(data) else {
            return true;
        };
        let tail = &data[error.valid_up_to()..];
        // At most three bytes: four are a character, or wrong.
        if error.error_len().is_some() {
            return false;
        }
        self.partial[..tail.len()].copy_from_slice(tail);
        self.len = tail.len();
        true
    }

    /// Ends the message. False: it ends within a character.
    #[must_use]
    pub(super) fn finish(&mut self) -> bool {
        std::mem::take(&mut self.len) == 0
    }
}
