//! The examples, as a stranger runs them: each says what it is to say, and ends by itself, and well.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use tokio_tungstenite::tungstenite;

/// Runs an example to its end.
fn run(example: &str, arguments: &[&str], input: &str) -> Output {
    let mut path = std::env::current_exe().expect("this program");
    path.pop();
    path.pop();
    path.extend(["examples", example]);
    let mut command = Command::new(&path);
    command.args(arguments).stdin(Stdio::piped());
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child =
        spawned.unwrap_or_else(|error| panic!("{}: {error}; build the examples", path.display()));
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Serves one connection, and returns the port.
fn serve(f: impl FnOnce(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || f(listener.accept().unwrap().0));
    port.to_string()
}

/// The tour loses nothing.
#[test]
fn tour() {
    let output = run("tour", &[], "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    assert!(said.starts_with("30000 requests answered"), "{said}");
    assert!(
        said.contains("100000 of 100000 looked on to the end"),
        "{said}"
    );
}

/// A page is fetched whole.
#[test]
fn fetch() {
    let port = serve(|mut stream| {
        let head = BufReader::new(&stream).lines().map(Result::unwrap);
        assert!(head.take_while(|line| !line.is_empty()).count() > 1);
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; 1_000_000]).unwrap();
    });
    let output = run("fetch", &[&format!("http://127.0.0.1:{port}/")], "");
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}");
    assert!(output.stdout.len() == 1_000_000 && output.stdout.iter().all(|byte| *byte == b'x'));
    assert!(shown.contains("100 %"), "{shown}");
}

/// Who is nowhere to be found is said so, and it fails.
#[test]
fn fetch_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let output = run("fetch", &[&format!("http://127.0.0.1:{port}/")], "");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty() && output.stderr.starts_with(b"Error: "));
}

/// Each line comes back, in order.
#[test]
fn ws_echo() {
    let port = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_text() {
                socket.send(message).unwrap();
            }
        }
    });
    let output = run(
        "ws_echo",
        &[&format!("ws://127.0.0.1:{port}/")],
        "one\ntwo\n",
    );
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo\n");
}
