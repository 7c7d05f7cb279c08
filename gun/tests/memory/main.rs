//! What servers that mean harm can make a connection hold: the bytes that are allocated are counted, and stay below a
//! bound that does not depend on how much is sent.
//!
//! One test runs at a time, for the count is of the whole program: what the peer and the test themselves hold is in it.

#[path = "../suites/frames.rs"]
#[allow(dead_code, reason = "the suites use the rest")]
mod frames;
#[path = "../suites/peer.rs"]
#[allow(dead_code, reason = "the suites use the rest")]
mod peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use gun::{Awaited, HttpOpts, Opts, ReqOpts, WsOpts};
use http::Method;
use runtime::prelude::*;

use frames::{CONTINUATION, END_HEADERS, Frames, HEADERS, OK, PING, SETTINGS, frame, literal};
use peer::{Line, Peer, SOON};

/// Counts the bytes that are allocated, and the most there were.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = BYTES.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(bytes, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Runs it alone: by how many bytes the most that was allocated exceeds what was before, at the time it says.
fn grown(scenario: fn(&dyn Fn())) -> usize {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    static BEFORE: AtomicUsize = AtomicUsize::new(0);
    runtime::run(move || {
        scenario(&|| {
            let now = BYTES.load(Relaxed);
            BEFORE.store(now, Relaxed);
            MOST.store(now, Relaxed);
        });
    });
    MOST.load(Relaxed) - BEFORE.load(Relaxed)
}

macro_rules! bounded {
    ($($(#[$doc:meta])* $name:ident < $bound:expr;)*) => {
        /// How much each may hold.
        mod bounded {
            $(
                $(#[$doc])*
                #[test]
                fn $name() {
                    let grown = super::grown(super::$name);
                    assert!(grown < $bound, "{grown} bytes");
                }
            )*
        }
    };
}

bounded! {
    /// A head without an end is held up to the limit on it.
    endless_head < 2 * super::MIB;
    /// Of heads of informational responses without end a hundred are held, each up to that limit.
    endless_informs < 12 * super::MIB;
    /// Small ones are as many.
    endless_small_informs < super::MIB;
    /// So it is over HTTP/2, where h2 holds besides what comes in one turn, which is bounded by the bytes that are read
    /// in one.
    endless_informs_http2 < 32 * super::MIB;
    /// Of a body that nobody takes the connection holds no more than a read.
    unread_body < super::MIB;
    /// Headers that are large when they are decompressed are dropped as they are.
    hpack_bomb < super::MIB;
    /// So is a head in frames without end.
    endless_continuation < super::MIB;
    /// Pings whose answers are not read stop to be read.
    flood_of_pings < super::MIB;
    /// So do settings.
    flood_of_settings < super::MIB;
    /// Frames of no kind that is known are dropped.
    flood_of_unknown_frames < super::MIB;
    /// A message that is large when it is inflated is held up to the limit on it, and twice that while it grows.
    deflate_bomb < 4 * super::MIB;
    /// A frame that says to be long is not made room for before it comes.
    long_frame < super::MIB;
    /// A Websocket's pings whose answers are not read are not all answered.
    flood_of_websocket_pings < super::MIB;
    /// An event without an end is held up to the limit on it.
    endless_event < 4 * super::MIB;
}

/// Opens a connection with one request; what it is measured from.
fn asked(peer: &Peer, opts: Opts, begin: &dyn Fn()) -> (Pid, Line) {
    let (conn, mut line) = peer.open(opts.retry(0));
    gun::get(conn, "/", ());
    line.head();
    begin();
    (conn, line)
}

fn asked_http2(peer: &Peer, opts: Opts, begin: &dyn Fn()) -> (Pid, Frames) {
    let (conn, mut frames) = frames::open(peer, opts.retry(0), &[]);
    gun::get(conn, "/", ());
    frames.until(HEADERS);
    begin();
    (conn, frames)
}

/// Says the same again and again, so many bytes altogether, or until nobody hears it.
fn flood(mut write: impl FnMut(&[u8]) -> std::io::Result<()>, bytes: &[u8], all: usize) {
    for _ in 0..all / bytes.len() {
        if write(bytes).is_err() {
            return;
        }
    }
}

/// Drops what is told until the connection has ended.
fn until_it_ends(conn: Pid) {
    let watch = monitor(conn);
    receive! {
        Down { monitor, .. } if monitor == watch => {}
        after SOON => panic!("it goes on"),
    }
}

fn endless_head(begin: &dyn Fn()) {
    let peer = Peer::new();
    let (conn, mut line) = asked(&peer, Opts::new(), begin);
    line.write("HTTP/1.1 200 OK\r\na: ");
    flood(|bytes| line.try_write(bytes), &[b'x'; 64 * KIB], 64 * MIB);
    until_it_ends(conn);
}

fn informs(size: usize, begin: &dyn Fn()) {
    let peer = Peer::new();
    let inform = format!(
        "HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n",
        "x".repeat(size)
    );
    let (conn, mut line) = asked(&peer, Opts::new(), begin);
    flood(|bytes| line.try_write(bytes), inform.as_bytes(), 128 * MIB);
    until_it_ends(conn);
}

fn endless_informs(begin: &dyn Fn()) {
    informs(80_000, begin);
}

fn endless_small_informs(begin: &dyn Fn()) {
    informs(4, begin);
}

fn endless_informs_http2(begin: &dyn Fn()) {
    let peer = Peer::new();
    let head = [&[0x08, 3], &b"103"[..], &literal("link", "</a>")].concat();
    let informs = frame(HEADERS, END_HEADERS, 1, head).repeat(100);
    let (conn, mut frames) = asked_http2(&peer, Opts::new(), begin);
    flood(|bytes| frames.try_write(bytes), &informs, 16 * MIB);
    // The request has failed, and the connection has not.
    gun::info(conn).unwrap();
    gun::close(conn).unwrap();
}

fn unread_body(begin: &dyn Fn()) {
    let peer = Peer::new();
    let http = HttpOpts::new().flow(1);
    let (conn, mut line) = asked(&peer, Opts::new().http(http), begin);
    line.write(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {MIB}000\r\n\r\n"
    ));
    let writer = spawn!(move || flood(|bytes| line.try_write(bytes), &[0; 64 * KIB], 1000 * MIB));
    receive! { gun::Data { .. } => {}, after SOON => panic!("nothing") }
    // It has taken what it takes: what it is asked for now does not come.
    for _ in 0..100 {
        gun::info(conn).unwrap();
        sleep(Duration::from_millis(1));
    }
    exit_signal(writer, ExitReason::Kill);
    gun::close(conn).unwrap();
}

fn hpack_bomb(begin: &dyn Fn()) {
    let peer = Peer::new();
    let bomb = frames::hpack_bomb(13_000);
    let (conn, mut frames) = asked_http2(&peer, Opts::new(), begin);
    frames.write(bomb);
    receive! { gun::Error { .. } => {}, after SOON => panic!("no error") }
    let _ = gun::close(conn);
}

fn endless_continuation(begin: &dyn Fn()) {
    let peer = Peer::new();
    let more = frame(CONTINUATION, 0, 1, literal("a", "b")).repeat(100);
    let (conn, mut frames) = asked_http2(&peer, Opts::new(), begin);
    frames.frame(HEADERS, 0, 1, OK);
    flood(|bytes| frames.try_write(bytes), &more, 64 * MIB);
    until_it_ends(conn);
}

/// What is answered, or has no end, until nothing more is taken.
fn frames_flood(kind: u8, payload: &[u8], begin: &dyn Fn()) {
    let peer = Peer::new();
    let opts = Opts::new().send_timeout(Duration::from_millis(20));
    let all = frame(kind, 0, 0, payload).repeat(1000);
    let (conn, mut frames) = asked_http2(&peer, opts, begin);
    flood(|bytes| frames.try_write(bytes), &all, 128 * MIB);
    let _ = gun::info(conn);
    let _ = gun::close(conn);
}

fn flood_of_pings(begin: &dyn Fn()) {
    frames_flood(PING, &[1; 8], begin);
}

fn flood_of_settings(begin: &dyn Fn()) {
    frames_flood(SETTINGS, &[0, 3, 0, 0, 0, 9], begin);
}

fn flood_of_unknown_frames(begin: &dyn Fn()) {
    frames_flood(0xfe, &[0; 1000], begin);
}

/// A Websocket that is open, and what the peer says on it.
fn websocket(opts: WsOpts, extensions: &str, say: &dyn Fn(&mut Line), begin: &dyn Fn()) {
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().retry(0));
    let stream = gun::ws_upgrade(conn, "/", (), opts);
    let head = line.head();
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-key: "));
    let accept = derive_accept_key(key.unwrap().as_bytes());
    line.write(format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n{extensions}\r\n"
    ));
    let told = gun::await_(conn, stream, SOON);
    assert!(matches!(told, Ok(Awaited::Upgrade { .. })), "{told:?}");
    begin();
    say(&mut line);
    let _ = gun::info(conn);
    let _ = gun::close(conn);
}

fn deflate_bomb(begin: &dyn Fn()) {
    static BOMB: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let mut compress = Compress::new(Compression::best(), false);
    let zeroes = vec![0; 50 * MIB];
    let mut bomb = Vec::with_capacity(MIB);
    compress
        .compress_vec(&zeroes, &mut bomb, FlushCompress::Sync)
        .unwrap();
    let length = u16::try_from(bomb.len()).unwrap();
    let bytes = [&[0xc2, 0x7e], &length.to_be_bytes()[..], &bomb].concat();
    drop((compress, zeroes, bomb));
    *BOMB.lock().unwrap() = bytes;
    let opts = WsOpts::new().compress(true).max_message_size(MIB);
    let deflate = "sec-websocket-extensions: permessage-deflate\r\n";
    let say = |line: &mut Line| {
        let _ = line.try_write(&*BOMB.lock().unwrap());
        receive! { gun::Error { .. } => {}, after SOON => panic!("no error") }
    };
    websocket(opts, deflate, &say, begin);
}

fn long_frame(begin: &dyn Fn()) {
    let say = |line: &mut Line| {
        line.write([0x82, 0x7f, 0, 0, 0, 0, 0x03, 0xff, 0xff, 0xff]);
        line.write([0; KIB]);
    };
    websocket(WsOpts::new(), "", &say, begin);
}

fn flood_of_websocket_pings(begin: &dyn Fn()) {
    let say = |line: &mut Line| {
        let pings = [&[0x89, 125], &[b'p'; 125][..]].concat().repeat(100);
        flood(|bytes| line.try_write(bytes), &pings, 64 * MIB);
    };
    websocket(WsOpts::new(), "", &say, begin);
}

fn endless_event(begin: &dyn Fn()) {
    let peer = Peer::new();
    let sse: [std::sync::Arc<dyn gun::content::ContentHandler>; 1] =
        [std::sync::Arc::new(gun::content::Sse::new())];
    let http = HttpOpts::new().content_handlers(sse);
    let (conn, mut line) = peer.open(Opts::new().http(http).retry(0));
    gun::request(conn, Method::GET, "/", (), "", ReqOpts::new());
    line.head();
    begin();
    line.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
    flood(
        |bytes| line.try_write(bytes),
        b"data: 0123456789\n",
        16 * MIB,
    );
    until_it_ends(conn);
}
