//! Text that is put together where nothing may be allocated: in the handler of overflows (`overflow`), and by
//! whoever says there which process it was (`process::name`). What does not fit is cut.

use std::fmt;

/// A report under construction: a fixed buffer, to be written to with `write!`.
///
/// What does not fit is cut off, and marked as such. Formatting numbers and strings allocates nothing
/// and takes no lock; whoever adds text keeps to such values.
pub(crate) struct ReportBuffer {
    bytes: [u8; SIZE],
    len: usize,
}

const SIZE: usize = 2048;
const CUT: &[u8] = b"...\n";

impl ReportBuffer {
    pub(super) const fn new() -> ReportBuffer {
        ReportBuffer {
            bytes: [0; SIZE],
            len: 0,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Write for ReportBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = SIZE - CUT.len() - self.len.min(SIZE - CUT.len());
        let text = text.as_bytes();
        let fits = text.len().min(room);
        self.bytes[self.len..self.len + fits].copy_from_slice(&text[..fits]);
        self.len += fits;
        if fits == text.len() {
            return Ok(());
        }
        // The mark goes into the last bytes, once.
        if self.len == SIZE - CUT.len() {
            self.bytes[self.len..].copy_from_slice(CUT);
            self.len = SIZE;
        }
        Err(fmt::Error)
    }
}
