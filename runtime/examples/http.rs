//! An HTTP/1.1 server: hyper, on processes. Each connection is a future that is a process at rest.
//!
//! ```sh
//! cargo run --release -p runtime --features hyper --example http -- 127.0.0.1:8080
//! ```
//!
//! SIGTERM and Ctrl-C end it: it stops listening, requests under way are answered, idle connections are
//! closed.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use runtime::future::{Timer, receive_type, sleep};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::{OsSignal, os_signal_messages, spawn_future};

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    println!("{} {}", request.method(), request.uri());
    let (status, text) = match request.uri().path() {
        "/" => (StatusCode::OK, format!("Hello from {}\n", self_pid())),
        // A handler may wait for anything; here for time.
        "/slow" => {
            sleep(Duration::from_millis(500)).await;
            (StatusCode::OK, "That took a while.\n".to_owned())
        }
        path => (StatusCode::NOT_FOUND, format!("There is no {path}.\n")),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

async fn serve(stream: TcpStream) -> hyper::Result<()> {
    // Asked to end, it finishes what it is at.
    trap_exit(true);
    let connection = http1::Builder::new()
        .timer(Timer::new())
        .serve_connection(stream, service_fn(answer));
    let mut connection = pin!(connection);
    match select(connection.as_mut(), receive_type::<Exit>()).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

fn listen(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        spawn_future(serve(stream));
    }
}

#[runtime::main]
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    os_signal_messages(OsSignal::Terminate)?;
    os_signal_messages(OsSignal::Interrupt)?;
    let listener = TcpListener::bind(&address)?;
    println!("listening at http://{}", listener.local_addr()?);

    let (_, listening) = spawn_monitor!(listen, listener);
    receive! {
        signal: OsSignal => println!("{signal:?}: the end"),
        Down { monitor, reason, .. } if monitor == listening => {
            return Err(io::Error::other(format!("no longer listening: {reason}")));
        }
    }
    // What still runs is told to end when this returns.
    Ok(())
}
