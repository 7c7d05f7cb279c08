//! How raw bytes are spoken.

/// How raw bytes are spoken: Gun's `raw_opts()`.
///
/// ```
/// use gun::{Opts, RawOpts};
///
/// let opts = Opts::new().protocols([RawOpts::new().flow(10)]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RawOpts {
    pub(crate) flow: Option<u32>,
}

impl RawOpts {
    /// Without flow.
    pub fn new() -> RawOpts {
        RawOpts::default()
    }

    /// As [`HttpOpts::flow`](super::HttpOpts::flow).
    pub fn flow(mut self, messages: u32) -> RawOpts {
        self.flow = Some(messages);
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.flow == Some(0) {
            return Err("raw.flow");
        }
        Ok(())
    }
}
