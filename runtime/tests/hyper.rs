//! hyper, HTTP/1.1 and HTTP/2, on our sockets, timer and executor, without tokio's runtime.

#![cfg(feature = "hyper")]

mod expect;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use expect::message;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use runtime::future::{Executor, Timer};
use runtime::net::{TcpListener, TcpStream, UnixStream};
use runtime::prelude::*;
use runtime::{block_on, spawn_future};

/// A body of so many bytes.
struct Large(u64);

const PIECE: usize = 64 << 10;

impl Body for Large {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static ZEROS: [u8; PIECE] = [0; PIECE];
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= PIECE as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS)))))
    }
}

async fn echo(request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(body)))
}

async fn large(_: Request<Incoming>) -> hyper::Result<Response<Large>> {
    Ok(Response::new(Large(400 << 20)))
}

/// A listener whose connections are served by `serve`.
fn server<F>(serve: fn(TcpStream) -> F) -> std::net::SocketAddr
where
    F: Future<Output = hyper::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("bound");
    spawn!(move || {
        for stream in listener.incoming() {
            spawn_future(serve(stream.expect("accepts")));
        }
    });
    address
}

async fn serve_1(stream: TcpStream) -> hyper::Result<()> {
    hyper::server::conn::http1::Builder::new()
        .timer(Timer::new())
        .serve_connection(stream, service_fn(echo))
        .await
}

async fn serve_2(stream: TcpStream) -> hyper::Result<()> {
    hyper::server::conn::http2::Builder::new(Executor::new())
        .timer(Timer::new())
        .serve_connection(stream, service_fn(echo))
        .await
}

async fn serve_large(stream: TcpStream) -> hyper::Result<()> {
    hyper::server::conn::http2::Builder::new(Executor::new())
        .serve_connection(stream, service_fn(large))
        .await
}

fn question(n: u32) -> Request<Full<Bytes>> {
    Request::post("http://example/")
        .body(Full::from(format!("question {n}")))
        .expect("a request")
}

/// Requests one after the other over HTTP/1.1, the connection driven beside them.
#[runtime::test]
fn http_1() {
    let address = server(serve_1);
    block_on(async {
        let stream = TcpStream::connecting(&[address]).await.expect("connects");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .expect("a handshake");
        spawn_future(connection);
        for n in 0..50 {
            sender.ready().await.expect("the connection lives");
            let answer = sender.send_request(question(n)).await.expect("an answer");
            let body = answer.into_body().collect().await.expect("a body");
            assert_eq!(body.to_bytes(), format!("question {n}"));
        }
    });
}

/// hyper's timer is ours: a client that sends no head is sent away at the time that the server was given, here over a Unix
/// socket; and a sleep of the timer's that is set anew ends at its new time.
#[runtime::test(paused)]
fn the_timer() {
    let (mut client, stream) = UnixStream::pair().expect("a pair");
    let minute = Duration::from_secs(60);
    spawn_future(async move {
        hyper::server::conn::http1::Builder::new()
            .timer(Timer::new())
            .header_read_timeout(minute)
            .serve_connection(stream, service_fn(echo))
            .await
    });
    let start = runtime::now();
    client.write_all(b"POST / HT").expect("it reads");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("the end");
    assert_eq!(runtime::now() - start, minute);

    let (timer, start) = (Timer::new(), hyper::rt::Timer::now(&Timer::new()));
    let mut first = hyper::rt::Timer::sleep(&timer, minute);
    let mut second = hyper::rt::Timer::sleep_until(&timer, start + 3 * minute);
    block_on(poll_fn(|cx| {
        assert!(first.as_mut().poll(cx).is_pending());
        assert!(second.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    }));
    hyper::rt::Timer::reset(&timer, &mut first, start + 2 * minute);
    block_on(first);
    assert_eq!(runtime::now() - start, 2 * minute);
    block_on(second);
    assert_eq!(runtime::now() - start, 3 * minute);
}

/// A hundred streams at once over one HTTP/2 connection, asked from as many processes.
#[runtime::test]
fn http_2() {
    let address = server(serve_2);
    let stream = TcpStream::connect(address).expect("connects");
    let (sender, connection) = block_on(
        hyper::client::conn::http2::Builder::new(Executor::new())
            .timer(Timer::new())
            .keep_alive_interval(Duration::from_secs(10))
            .handshake(stream),
    )
    .expect("a handshake");
    spawn_future(connection);
    let parent = self_pid();
    for n in 0..100 {
        let mut sender = sender.clone();
        spawn!(move || {
            let body = block_on(async {
                let answer = sender.send_request(question(n)).await?;
                answer.into_body().collect().await
            });
            let body = body.expect("an answer").to_bytes();
            assert_eq!(body, format!("question {n}"));
            send(parent, n);
        });
    }
    let mut answered: Vec<u32> = (0..100).map(|_| message()).collect();
    answered.sort_unstable();
    assert!(answered.iter().copied().eq(0..100));
}

/// Beside a download of 400 MB on the same worker a neighbour has its turn after a budget's worth of
/// bytes, each time.
#[test]
fn a_neighbour_of_a_download() {
    /// Far more than one turn moves, on either side of the connection, far less than a download.
    const MOST: u64 = 8 << 20;
    let node = Builder::new()
        .workers(1)
        .max_spares(0)
        .start()
        .expect("a node");
    node.run(|| {
        let address = server(serve_large);
        let bytes = Arc::new(AtomicU64::new(0));
        let parent = self_pid();
        let neighbour = {
            let bytes = Arc::clone(&bytes);
            spawn!(move || {
                let mut before = 0;
                let mut most = 0;
                while before < 400 << 20 {
                    yield_now();
                    let now = bytes.load(Ordering::Relaxed);
                    most = most.max(now - before);
                    before = now;
                }
                send(parent, most);
            })
        };
        let stream = TcpStream::connect(address).expect("connects");
        block_on(async {
            let (mut sender, connection) =
                hyper::client::conn::http2::Builder::new(Executor::new())
                    .initial_stream_window_size(16 << 20)
                    .initial_connection_window_size(16 << 20)
                    .handshake::<_, Empty<Bytes>>(stream)
                    .await
                    .expect("a handshake");
            spawn_future(connection);
            let request = Request::get("http://example/").body(Empty::new());
            let answer = sender.send_request(request.expect("a request")).await;
            let mut body = pin!(answer.expect("an answer").into_body());
            while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                let frame = frame.expect("a frame");
                let data = frame.data_ref().map_or(0, Bytes::len);
                bytes.fetch_add(data as u64, Ordering::Relaxed);
            }
        });
        assert_eq!(bytes.load(Ordering::Relaxed), 400 << 20);
        let most: u64 = message();
        assert!(most <= MOST, "{most} bytes between two of its turns");
        expect::end_of(neighbour);
    });
}

/// How many threads of this name the program has.
#[cfg(feature = "tokio")]
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("procfs");
    let names =
        tasks.map(|task| std::fs::read_to_string(task.expect("a task").path().join("comm")));
    names
        .filter(|it| it.as_ref().is_ok_and(|it| it.trim() == name))
        .count()
}

/// reqwest, which insists on tokio's reactor, in a tokio context, against a real server. The tokio runtime has a thread of
/// its own from the first use on.
#[cfg(feature = "tokio")]
#[runtime::test]
fn reqwest_in_a_tokio_context() {
    let address = server(serve_1);
    let parent = self_pid();
    assert_eq!(threads("tokio"), 0);
    for n in 0..20u32 {
        spawn!(move || {
            let text = block_on(runtime::future::in_tokio(async move {
                let request = reqwest::Client::new()
                    .post(format!("http://{address}/"))
                    .body(format!("question {n}"));
                request.send().await?.text().await
            }));
            assert_eq!(text.expect("an answer"), format!("question {n}"));
            send(parent, n);
        });
    }
    let mut answered: Vec<u32> = (0..20).map(|_| message()).collect();
    answered.sort_unstable();
    assert!(answered.iter().copied().eq(0..20));
    assert_eq!(threads("tokio"), 1);
}
