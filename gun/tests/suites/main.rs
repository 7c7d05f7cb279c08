//! What Gun's own suites ask, case by case, each test named after its case; and what they leave out.

mod body;
mod flow;
mod frames;
mod gun;
mod http1;
mod http2;
mod peer;
mod ping;
mod pool;
mod rfc7230;
mod rfc7540;
mod send_errors;
mod shutdown;
mod supervision;
mod tls;
mod ws;
