//! How HTTP/2 is spoken.

use std::sync::Arc;
use std::time::Duration;

use crate::content::{ContentHandler, Handlers};

/// How HTTP/2 is spoken: Gun's `http2_opts()`.
///
/// ```
/// use gun::content::{ContentHandler, DataHandler, Sse};
/// use gun::{Http2Opts, Opts};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let handlers: [Arc<dyn ContentHandler>; 2] = [Arc::new(Sse::new()), Arc::new(DataHandler)];
/// let http2 = Http2Opts::new()
///     .closing_timeout(Duration::from_secs(1))
///     .content_handlers(handlers)
///     .cookie_ignore_informational(true)
///     .flow(10)
///     // The server is held to these.
///     .initial_connection_window_size(1 << 20)
///     .initial_stream_window_size(1 << 16)
///     .max_concurrent_streams(10)
///     .max_decode_table_size(0)
///     .max_fragmented_header_block_size(16_384)
///     .max_frame_size_received(32_768)
///     .push(false)
///     // It is gone when two pings were not answered, or when it says nothing at first.
///     .keepalive(Duration::from_secs(10))
///     .keepalive_tolerance(2)
///     .preface_timeout(Duration::from_secs(1))
///     .settings_timeout(Duration::from_secs(1))
///     .notify_settings_changed(true);
/// let opts = Opts::new().protocols([http2]);
/// ```
#[derive(Clone, Debug)]
pub struct Http2Opts {
    pub(crate) closing_timeout: Option<Duration>,
    pub(crate) content_handlers: Option<Handlers>,
    pub(crate) cookie_ignore_informational: bool,
    pub(crate) flow: Option<u32>,
    pub(crate) initial_connection_window_size: u32,
    pub(crate) initial_stream_window_size: u32,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) keepalive_tolerance: Option<u32>,
    pub(crate) max_concurrent_streams: Option<u32>,
    pub(crate) max_decode_table_size: u32,
    pub(crate) max_fragmented_header_block_size: u32,
    pub(crate) max_frame_size_received: u32,
    pub(crate) notify_settings_changed: bool,
    pub(crate) preface_timeout: Option<Duration>,
    pub(crate) push: bool,
    pub(crate) settings_timeout: Option<Duration>,
}

/// The largest window, in bytes.
const MAX_WINDOW: u32 = (1 << 31) - 1;

impl Http2Opts {
    /// Gun's defaults.
    pub fn new() -> Http2Opts {
        Http2Opts {
            closing_timeout: Some(Duration::from_secs(15)),
            content_handlers: None,
            cookie_ignore_informational: false,
            flow: None,
            initial_connection_window_size: 8_000_000,
            initial_stream_window_size: 8_000_000,
            keepalive: None,
            keepalive_tolerance: None,
            max_concurrent_streams: None,
            max_decode_table_size: 4096,
            max_fragmented_header_block_size: 32_768,
            max_frame_size_received: 16_384,
            notify_settings_changed: false,
            preface_timeout: Some(Duration::from_secs(5)),
            push: true,
            settings_timeout: Some(Duration::from_secs(5)),
        }
    }

    /// As [`HttpOpts::closing_timeout`](super::HttpOpts::closing_timeout).
    pub fn closing_timeout(mut self, time: impl Into<Option<Duration>>) -> Http2Opts {
        self.closing_timeout = time.into();
        self
    }

    /// As [`HttpOpts::content_handlers`](super::HttpOpts::content_handlers).
    pub fn content_handlers(
        mut self,
        handlers: impl IntoIterator<Item = Arc<dyn ContentHandler>>,
    ) -> Http2Opts {
        self.content_handlers = Some(handlers.into_iter().collect());
        self
    }

    /// As [`HttpOpts::cookie_ignore_informational`](super::HttpOpts::cookie_ignore_informational).
    pub fn cookie_ignore_informational(mut self, ignore: bool) -> Http2Opts {
        self.cookie_ignore_informational = ignore;
        self
    }

    /// As [`HttpOpts::flow`](super::HttpOpts::flow).
    pub fn flow(mut self, messages: u32) -> Http2Opts {
        self.flow = Some(messages);
        self
    }

    /// How many bytes the server may send before we have taken any, all streams together: 65,535 to 2^31 - 1;
    /// 8,000,000 unless said.
    pub fn initial_connection_window_size(mut self, bytes: u32) -> Http2Opts {
        self.initial_connection_window_size = bytes;
        self
    }

    /// The same for each stream, from 0.
    pub fn initial_stream_window_size(mut self, bytes: u32) -> Http2Opts {
        self.initial_stream_window_size = bytes;
        self
    }

    /// How often the server is pinged, above zero. Not at all unless said.
    pub fn keepalive(mut self, every: impl Into<Option<Duration>>) -> Http2Opts {
        self.keepalive = every.into();
        self
    }

    /// How many pings of [`keepalive`](Http2Opts::keepalive) may be unanswered when the next is due, before the
    /// connection is given up. It is not unless this is said.
    pub fn keepalive_tolerance(mut self, pings: u32) -> Http2Opts {
        self.keepalive_tolerance = Some(pings);
        self
    }

    /// How many streams the server may have open, which are its pushes. As many as it wants unless said.
    pub fn max_concurrent_streams(mut self, streams: u32) -> Http2Opts {
        self.max_concurrent_streams = Some(streams);
        self
    }

    /// The most bytes of the table that headers are decompressed with; 4096 unless said.
    pub fn max_decode_table_size(mut self, bytes: u32) -> Http2Opts {
        self.max_decode_table_size = bytes;
        self
    }

    /// The most bytes of a head, decompressed, each header counted with 32 bytes more; 32,768 unless said. A
    /// larger one fails its stream.
    pub fn max_fragmented_header_block_size(mut self, bytes: u32) -> Http2Opts {
        self.max_fragmented_header_block_size = bytes;
        self
    }

    /// The most bytes of a frame from the server: 16,384, unless said, to 2^24 - 1.
    pub fn max_frame_size_received(mut self, bytes: u32) -> Http2Opts {
        self.max_frame_size_received = bytes;
        self
    }

    /// `true`: the owner is told the server's settings, each time they change: see
    /// [`Notify`](crate::Notify).
    pub fn notify_settings_changed(mut self, notify: bool) -> Http2Opts {
        self.notify_settings_changed = notify;
        self
    }

    /// How long the server may take until it has sent its settings; `None`: for ever. 5 s unless said.
    pub fn preface_timeout(mut self, time: impl Into<Option<Duration>>) -> Http2Opts {
        self.preface_timeout = time.into();
        self
    }

    /// `false`: the server may not push. It may unless said.
    pub fn push(mut self, push: bool) -> Http2Opts {
        self.push = push;
        self
    }

    /// How long the server may take until it has acknowledged our settings; `None`: for ever. 5 s unless said.
    pub fn settings_timeout(mut self, time: impl Into<Option<Duration>>) -> Http2Opts {
        self.settings_timeout = time.into();
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let none = Some(Duration::ZERO);
        let frames = 16_384..1 << 24;
        let wrong = [
            (self.closing_timeout == none, "http2.closing_timeout"),
            (
                self.content_handlers
                    .as_ref()
                    .is_some_and(|handlers| handlers.is_empty()),
                "http2.content_handlers",
            ),
            (self.flow == Some(0), "http2.flow"),
            (
                !(65_535..=MAX_WINDOW).contains(&self.initial_connection_window_size),
                "http2.initial_connection_window_size",
            ),
            (
                self.initial_stream_window_size > MAX_WINDOW,
                "http2.initial_stream_window_size",
            ),
            (self.keepalive == none, "http2.keepalive"),
            (
                !frames.contains(&self.max_frame_size_received),
                "http2.max_frame_size_received",
            ),
            (self.preface_timeout == none, "http2.preface_timeout"),
            (self.settings_timeout == none, "http2.settings_timeout"),
        ];
        match wrong.iter().find(|(wrong, _)| *wrong) {
            Some((_, key)) => Err(key),
            None => Ok(()),
        }
    }
}

impl Default for Http2Opts {
    fn default() -> Http2Opts {
        Http2Opts::new()
    }
}
