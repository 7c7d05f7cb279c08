//! tokio's traits on the sockets, without a tokio runtime: whole streams, halves, Unix streams.

#![cfg(feature = "tokio-io")]

use std::io::{ErrorKind, IoSlice};

use runtime::block_on;
use runtime::net::{TcpListener, TcpStream, UnixStream};
use runtime::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let one = TcpStream::connect(listener.local_addr().expect("its address")).expect("connects");
    let (other, _) = listener.accept().expect("accepts");
    (one, other)
}

/// More than the system keeps between the two.
const LENGTH: usize = 16 << 20;

/// Writes in pieces, then ends what it writes, and reads what comes back to the end; all of it is what was written.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    assert!(stream.is_write_vectored());
    let bytes = stream
        .write_vectored(&[IoSlice::new(b"a "), IoSlice::new(b"head")])
        .await;
    assert_eq!(bytes.expect("writes"), 6);
    let text: Vec<u8> = (0..LENGTH).map(|n| (n / 7) as u8).collect();
    stream.write_all(&text).await.expect("writes");
    stream.flush().await.expect("flushes");
    stream.shutdown().await.expect("the end");
    let error = stream.write(b"more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("to the end");
    assert_eq!(answer, "all came");
}

/// The other side of [`talk`].
async fn listen(mut read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin) {
    let mut head = [0; 6];
    read.read_exact(&mut head).await.expect("reads");
    assert_eq!(&head, b"a head");
    let mut text = Vec::new();
    read.read_to_end(&mut text).await.expect("to the end");
    assert_eq!(text.len(), LENGTH);
    let mut expected = (0..LENGTH).map(|n| (n / 7) as u8);
    assert!(text.iter().all(|byte| Some(*byte) == expected.next()));
    write.write_all(b"all came").await.expect("writes");
    write.shutdown().await.expect("the end");
}

/// A TCP stream, and its halves, carry bytes both ways by tokio's traits, and tell their end.
#[runtime::test]
fn streams_and_halves() {
    let (one, other) = pair();
    let (_, monitor) = spawn_monitor!(move || {
        let (read, write) = other.into_split();
        block_on(listen(read, write));
    });
    block_on(talk(one));
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Normal);
    } }
}

/// So does a Unix stream, with tokio's own halves, in a process that is a future.
#[runtime::test]
fn unix_streams() {
    let (one, other) = UnixStream::pair().expect("a pair");
    let (read, write) = tokio::io::split(other);
    let spawned = Spawn::new().monitor().future(listen(read, write));
    let monitor = spawned.expect("room").monitor.expect("asked for");
    block_on(talk(one));
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Normal);
    } }
}
