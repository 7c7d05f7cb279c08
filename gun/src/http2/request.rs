//! From what was asked to a request as h2 takes it.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{Method, Uri, Version};

use super::{Http2, Queued};
use crate::command::{self, BodyKind, Request};
use crate::error::{BadState, Reason};
use crate::event::{Event, RequestEvent};
use crate::headers::content_length;
use crate::layer::{Env, Origin, Shared};
use crate::options::{Destination, WsOpts};
use crate::recipient::Recipient;
use crate::websocket;

/// What a stream may become.
pub(super) enum Asks {
    Response,
    Websocket(Box<WsOpts>),
    Tunnel(Box<Destination>),
}

impl Http2 {
    /// Takes a request, when its time has come.
    pub(super) fn request(&mut self, shared: &mut Shared, mut request: Box<Request>) {
        let handlers = self.opts.content_handlers.as_ref();
        let mut to = Recipient::of(&self.env, &mut request, self.opts.flow, handlers);
        if let command::Asks::Websocket(opts) = &request.asks {
            to.set_flow(opts.as_deref().unwrap_or(&self.env.opts.ws).flow);
            if self.settings.is_none() {
                self.parked.push_back((to, request));
                return;
            }
        }
        self.take(shared, to, *request);
    }

    /// Queues a request, and gives it to h2 if it takes it.
    pub(super) fn take(&mut self, shared: &mut Shared, mut to: Recipient, request: Request) {
        let Request {
            method,
            path,
            mut headers,
            body,
            asks,
            ..
        } = request;
        let length = match &body {
            BodyKind::Whole(bytes) => Some(bytes.len() as u64),
            BodyKind::Streamed => content_length(&headers),
        };
        let authority = host(&mut headers).unwrap_or_else(|| self.origin.authority.clone());
        let asks = match self.asks(asks, &mut headers, &to) {
            Ok(asks) => asks,
            Err(what) => return to.fail(Reason::BadState(what)),
        };
        if !matches!(asks, Asks::Tunnel(_)) {
            shared.add_cookies(&mut to, &self.origin, &authority, &path, &mut headers);
        }
        clean(&mut headers);
        let mut head = http::Request::new(());
        let uri = match &asks {
            Asks::Response => {
                if let (BodyKind::Whole(_), Some(length)) = (&body, length) {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
                }
                uri(self.origin.scheme, &authority, &path)
            }
            Asks::Websocket(_) => {
                let websocket = h2::ext::Protocol::from_static("websocket");
                head.extensions_mut().insert(websocket);
                uri(self.origin.scheme, &authority, &path)
            }
            Asks::Tunnel(destination) => destination.hop.address().parse().ok(),
        };
        let Some(uri) = uri else {
            return to.fail(Reason::BadState(BadState::BadTarget));
        };
        *head.method_mut() = match asks {
            Asks::Response => method,
            Asks::Websocket(_) | Asks::Tunnel(_) => Method::CONNECT,
        };
        *head.uri_mut() = uri;
        *head.version_mut() = Version::HTTP_2;
        *head.headers_mut() = headers;
        self.queue.push_back(Queued {
            to,
            head,
            body,
            asks,
            length,
            pieces: Vec::new(),
        });
        // A body that is sent in pieces needs its stream.
        self.start();
    }

    fn asks(
        &self,
        asks: command::Asks,
        headers: &mut HeaderMap,
        to: &Recipient,
    ) -> Result<Asks, BadState> {
        match asks {
            command::Asks::Response => Ok(Asks::Response),
            command::Asks::Websocket(opts) => {
                let allowed = self
                    .settings
                    .is_some_and(|settings| settings.enable_connect_protocol == Some(true));
                if !allowed {
                    return Err(BadState::NoWebsocket);
                }
                let opts = opts.unwrap_or_else(|| Box::new(self.env.opts.ws.clone()));
                websocket::offer(headers, &opts)?;
                let stream = to.stream;
                self.env.events.tell(Event::WsUpgrade { stream });
                Ok(Asks::Websocket(opts))
            }
            command::Asks::Tunnel(destination) => {
                destination.authorize(headers);
                Ok(Asks::Tunnel(destination))
            }
        }
    }
}

/// Takes out what HTTP/2 does not have.
fn clean(headers: &mut HeaderMap) {
    for name in [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ] {
        headers.remove(name);
    }
}

/// The host that a request names itself.
fn host(headers: &mut HeaderMap) -> Option<String> {
    let host = headers.remove(HOST)?;
    host.to_str().ok().map(str::to_owned)
}

fn uri(scheme: &str, authority: &str, path: &str) -> Option<Uri> {
    let uri = Uri::builder().scheme(scheme).authority(authority);
    uri.path_and_query(path).build().ok()
}

/// Tells that a request is sent.
pub(super) fn tell_start(env: &Env, queued: &Queued, origin: &Origin) {
    if !env.events.heard() {
        return;
    }
    let uri = queued.head.uri();
    let stream = queued.to.stream;
    let event = RequestEvent {
        stream,
        reply_to: queued.to.pid(),
        method: queued.head.method(),
        authority: uri
            .authority()
            .map_or(&origin.authority, |authority| authority.as_str()),
        path: uri.path_and_query().map_or("", |path| path.as_str()),
        headers: queued.head.headers(),
    };
    env.events.tell(Event::RequestStart(&event));
    env.events.tell(Event::RequestHeaders(&event));
    if queued.length == Some(0) {
        env.events.tell(Event::RequestEnd { stream });
    }
}
