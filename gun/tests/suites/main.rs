//! What Gun's own suites ask, case by case, each test named after its case; and what they leave out.

mod body;
mod flow;
mod gun;
mod http1;
mod http2;
mod peer;
mod pool;
mod shutdown;
mod supervision;
mod tls;
mod ws;
