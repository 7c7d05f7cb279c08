//! How HTTP/1.1 is spoken.

use std::sync::Arc;
use std::time::Duration;

use crate::content::{ContentHandler, Handlers};

/// How HTTP/1.1 is spoken: Gun's `http_opts()`.
///
/// ```
/// use gun::content::{ContentHandler, DataHandler, Sse};
/// use gun::{HttpOpts, HttpVersion, Opts};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let handlers: [Arc<dyn ContentHandler>; 2] = [Arc::new(Sse::new()), Arc::new(DataHandler)];
/// let http = HttpOpts::new()
///     .closing_timeout(Duration::from_secs(1))
///     .content_handlers(handlers)
///     .cookie_ignore_informational(true)
///     .flow(10)
///     .max_header_block_size(16_384)
///     .title_case_headers(true)
///     .version(HttpVersion::Http10);
/// let opts = Opts::new().protocols([http]);
/// ```
#[derive(Clone, Debug)]
pub struct HttpOpts {
    pub(crate) closing_timeout: Option<Duration>,
    pub(crate) content_handlers: Option<Handlers>,
    pub(crate) cookie_ignore_informational: bool,
    pub(crate) flow: Option<u32>,
    pub(crate) max_header_block_size: usize,
    pub(crate) title_case_headers: bool,
    pub(crate) version: HttpVersion,
}

/// What a request of HTTP/1 says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0: one request for each connection, no chunks upwards, no Websocket.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl HttpOpts {
    /// Gun's defaults.
    pub fn new() -> HttpOpts {
        HttpOpts {
            closing_timeout: Some(Duration::from_secs(15)),
            content_handlers: None,
            cookie_ignore_informational: false,
            flow: None,
            max_header_block_size: 100_000,
            title_case_headers: false,
            version: HttpVersion::Http11,
        }
    }

    /// How long a response under way is waited for in [`shutdown`](crate::shutdown), above zero; `None`: for
    /// ever. 15 s unless said.
    pub fn closing_timeout(mut self, time: impl Into<Option<Duration>>) -> HttpOpts {
        self.closing_timeout = time.into();
        self
    }

    /// Who gets a response's body: the first handler that takes it, in this order. Unless said, it is sent as
    /// [`Data`](crate::Data) as it comes, which is what [`DataHandler`](crate::content::DataHandler) does.
    pub fn content_handlers(
        mut self,
        handlers: impl IntoIterator<Item = Arc<dyn ContentHandler>>,
    ) -> HttpOpts {
        self.content_handlers = Some(handlers.into_iter().collect());
        self
    }

    /// `true`: informational responses set no cookies.
    pub fn cookie_ignore_informational(mut self, ignore: bool) -> HttpOpts {
        self.cookie_ignore_informational = ignore;
        self
    }

    /// How many [`Data`](crate::Data) messages a stream sends before it waits for
    /// [`update_flow`](crate::update_flow), above zero. Without it a stream does not wait.
    pub fn flow(mut self, messages: u32) -> HttpOpts {
        self.flow = Some(messages);
        self
    }

    /// The most bytes of a response's head, from 8192; 100,000 unless said. A longer one fails the connection.
    pub fn max_header_block_size(mut self, bytes: usize) -> HttpOpts {
        self.max_header_block_size = bytes;
        self
    }

    /// `true`: header names are sent `As-This`, for servers that must have it so. It stands for Gun's
    /// `transform_header_name`.
    pub fn title_case_headers(mut self, title_case: bool) -> HttpOpts {
        self.title_case_headers = title_case;
        self
    }

    /// What requests say they are.
    pub fn version(mut self, version: HttpVersion) -> HttpOpts {
        self.version = version;
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.closing_timeout == Some(Duration::ZERO) {
            return Err("http.closing_timeout");
        }
        if self
            .content_handlers
            .as_ref()
            .is_some_and(|handlers| handlers.is_empty())
        {
            return Err("http.content_handlers");
        }
        if self.flow == Some(0) {
            return Err("http.flow");
        }
        if self.max_header_block_size < 8192 {
            return Err("http.max_header_block_size");
        }
        Ok(())
    }
}

impl Default for HttpOpts {
    fn default() -> HttpOpts {
        HttpOpts::new()
    }
}
