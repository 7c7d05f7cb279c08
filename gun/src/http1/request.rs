//! From what was asked to a request as hyper takes it.

use std::sync::Arc;

use http::header::{
    CONNECTION, CONTENT_LENGTH, Entry, HOST, HeaderMap, TRANSFER_ENCODING, UPGRADE,
};
use http::{Extensions, HeaderValue, Uri, Version};
use hyper::body::Body as _;

use super::{Asks, Http1, Informs, Stream, says_close};
use crate::command::{self, BodyKind, Request};
use crate::error::{BadState, Reason};
use crate::event::{Event, RequestEvent};
use crate::headers::{content_length, says, tokens};
use crate::layer::{Env, Origin, Shared};
use crate::message::StreamRef;
use crate::options::HttpVersion;
use crate::outgoing::Outgoing;
use crate::recipient::{INFORMS, Recipient};
use crate::websocket;

/// What has hyper note informational responses, as an extension of requests.
pub(super) fn hears(informs: &Informs) -> Extensions {
    let informs = Arc::clone(informs);
    let mut request = http::Request::new(());
    hyper::ext::on_informational(&mut request, move |inform| {
        let mut informs = informs.lock();
        // One more than are told: so it is known that there were too many.
        if informs.len() <= INFORMS {
            informs.push_back((inform.status(), inform.headers().clone()));
        }
    });
    request.into_parts().0.extensions
}

impl Http1 {
    /// Takes a request: begins it, or queues it.
    pub(super) fn request(&mut self, shared: &mut Shared, mut request: Box<Request>) {
        let handlers = self.opts.content_handlers.as_ref();
        let mut to = Recipient::of(&self.env, &mut request, self.opts.flow, handlers);
        let Request {
            method,
            path,
            mut headers,
            body,
            asks,
            ..
        } = *request;
        let (outgoing, writer) = match body {
            BodyKind::Whole(bytes) => Outgoing::whole(bytes),
            BodyKind::Streamed => Outgoing::streamed(content_length(&headers)),
        };
        let asks = match self.asks(asks, &mut headers, &mut to) {
            Ok(asks) => asks,
            Err(what) => return to.fail(Reason::BadState(what)),
        };
        if shared.has_cookies() && !matches!(asks, Asks::Tunnel(_)) {
            // A host that is given is the one that the cookies are for.
            let given = headers.get(HOST).and_then(|host| host.to_str().ok());
            let authority = given.unwrap_or(&self.origin.authority).to_owned();
            shared.add_cookies(&mut to, &self.origin, &authority, &path, &mut headers);
        }
        let uri = match &asks {
            Asks::Tunnel(destination) => Uri::try_from(destination.hop.address()),
            _ => Uri::try_from(path),
        };
        let Ok(uri) = uri else {
            return to.fail(Reason::BadState(BadState::BadTarget));
        };
        let last = says_close(&headers) || self.opts.version == HttpVersion::Http10;
        let mut request = http::Request::new(outgoing);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = match self.opts.version {
            HttpVersion::Http10 => Version::HTTP_10,
            HttpVersion::Http11 => Version::HTTP_11,
        };
        *request.headers_mut() = headers;
        if let Err(what) = complete(&mut request, &asks, &self.origin) {
            return to.fail(Reason::BadState(what));
        }
        *request.extensions_mut() = self.hears.clone();
        let stream = Stream {
            to,
            body: writer,
            asks,
            last,
        };
        if self.queue.is_empty() && self.may_start() {
            self.start(stream, request);
        } else {
            self.queue.push_back((stream, request));
        }
    }

    /// What the connection may become by this request.
    fn asks(
        &self,
        asks: command::Asks,
        headers: &mut HeaderMap,
        to: &mut Recipient,
    ) -> Result<Asks, BadState> {
        match asks {
            command::Asks::Response => {
                if says(headers, CONNECTION, "upgrade") {
                    let asked: Vec<String> = tokens(headers, UPGRADE).map(str::to_owned).collect();
                    if !asked.is_empty() {
                        return Ok(Asks::Upgrade(asked));
                    }
                }
                Ok(Asks::Response)
            }
            command::Asks::Websocket(opts) => {
                if self.opts.version == HttpVersion::Http10 {
                    return Err(BadState::NoWebsocket);
                }
                let opts = opts.unwrap_or_else(|| Box::new(self.env.opts.ws.clone()));
                to.set_flow(opts.flow);
                let key = websocket::ask(headers, &opts)?;
                let stream = to.stream;
                self.env.events.tell(Event::WsUpgrade { stream });
                Ok(Asks::Websocket(opts, key))
            }
            command::Asks::Tunnel(destination) => {
                if self.active.is_some() || !self.queue.is_empty() {
                    return Err(BadState::Busy);
                }
                destination.authorize(headers);
                Ok(Asks::Tunnel(destination))
            }
        }
    }
}

/// What a request must have: a host, and the length or the coding of its body.
fn complete(
    request: &mut http::Request<Outgoing>,
    asks: &Asks,
    origin: &Origin,
) -> Result<(), BadState> {
    let length = request.body().size_hint().exact();
    let is_http10 = request.version() == Version::HTTP_10;
    let headers = request.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONTENT_LENGTH);
    match (asks, length) {
        (Asks::Response | Asks::Upgrade(_), Some(length)) => {
            headers.insert(CONTENT_LENGTH, value_of(length));
        }
        // Its end could not be told.
        (Asks::Response | Asks::Upgrade(_), None) if is_http10 => return Err(BadState::NoLength),
        // hyper would send no body with methods that seldom have one.
        (Asks::Response | Asks::Upgrade(_), None) => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        _ => {}
    }
    if let Entry::Vacant(none) = headers.entry(HOST) {
        let host = match asks {
            Asks::Tunnel(destination) => HeaderValue::try_from(destination.hop.address()),
            _ => Ok(origin.host_header.clone()),
        };
        none.insert(host.map_err(|_| BadState::BadTarget)?);
    }
    Ok(())
}

/// Most requests have no body.
fn value_of(length: u64) -> HeaderValue {
    match length {
        0 => HeaderValue::from_static("0"),
        length => HeaderValue::from(length),
    }
}

/// Tells that a request is sent.
pub(super) fn tell_start(
    env: &Env,
    to: &Recipient,
    request: &http::Request<Outgoing>,
    origin: &Origin,
) {
    if !env.events.heard() {
        return;
    }
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    let event = RequestEvent {
        stream: to.stream,
        reply_to: to.pid(),
        method: request.method(),
        authority: host.unwrap_or(&origin.authority),
        path: request
            .uri()
            .path_and_query()
            .map_or("", |path| path.as_str()),
        headers: request.headers(),
    };
    env.events.tell(Event::RequestStart(&event));
    env.events.tell(Event::RequestHeaders(&event));
    if request.body().is_given() {
        tell_end(env, to.stream);
    }
}

/// Tells that all of a request was sent.
pub(super) fn tell_end(env: &Env, stream: StreamRef) {
    env.events.tell(Event::RequestEnd { stream });
}
