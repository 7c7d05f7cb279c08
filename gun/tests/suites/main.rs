//! What Gun's own suites ask, case by case, each test named after its case; and what they leave out.

mod body;
mod event;
mod faults;
mod flow;
mod frames;
mod gun;
mod http1;
mod http2;
mod options;
mod origin;
mod peer;
mod ping;
mod pool;
mod rfc6265bis;
mod rfc7230;
mod rfc7540;
mod send_errors;
mod shutdown;
mod sse;
mod streams;
mod supervision;
mod tls;
mod ws;
mod ws_http2;
