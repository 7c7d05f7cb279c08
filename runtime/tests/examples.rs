//! The servers among the examples, as a stranger runs them: they serve, and end cleanly on SIGTERM.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// An example that runs, and the address at which it listens.
struct Server {
    child: Child,
    address: String,
    says: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts it at a port of the system's choice.
    fn start(example: &str) -> Server {
        let mut path = std::env::current_exe().expect("this program");
        path.pop();
        path.pop();
        path.extend(["examples", example]);
        let mut child = Command::new(&path)
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; build the examples", path.display()));
        let mut says = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        says.read_line(&mut line).expect("it says where");
        let (_, address) = line.trim().rsplit_once(['/', ' ']).expect("an address");
        Server {
            address: address.to_owned(),
            child,
            says,
        }
    }

    /// Waits until it has said this line.
    fn says(&mut self, expected: &str) {
        let mut line = String::new();
        while line.trim() != expected {
            line.clear();
            let read = self.says.read_line(&mut line).expect("what it says");
            assert_ne!(read, 0, "it never says {expected}");
        }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("it listens")
    }

    fn terminate(&self) {
        // SAFETY: sends a signal to a child that was not waited for.
        let sent = unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        assert_eq!(sent, 0);
    }

    /// It ends by itself, and well.
    fn ends(mut self) {
        self.says("Terminate: the end");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

/// Each connection is sent back what it has sent; told to end, the server closes all of them, and ends well.
#[test]
fn echo() {
    let server = Server::start("echo");
    let mut streams: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    for (n, stream) in streams.iter_mut().enumerate() {
        let said = vec![n as u8; 10_000];
        stream.write_all(&said).expect("it reads");
        let mut heard = vec![0; said.len()];
        stream.read_exact(&mut heard).expect("it answers");
        assert_eq!(heard, said);
    }
    server.terminate();
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    }
    server.ends();
}

/// The head and the body of an answer.
#[cfg(feature = "hyper")]
fn get(stream: &mut TcpStream, path: &str) -> (String, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: example\r\n\r\n").expect("it reads");
    let mut answer = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = answer.read_line(&mut head).expect("it answers");
        assert_ne!(read, 0, "{head}");
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    answer.read_exact(&mut body).expect("the body");
    (head, String::from_utf8(body).expect("text"))
}

/// Requests are answered, one after the other on a connection; told to end, the server lets those under way come to
/// their end.
#[test]
#[cfg(feature = "hyper")]
fn http() {
    let mut server = Server::start("http");
    let mut stream = server.connect();
    let (head, body) = get(&mut stream, "/");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(body.starts_with("Hello from <0."), "{body}");
    let (head, body) = get(&mut stream, "/nothing");
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
    assert_eq!(body, "There is no /nothing.\n");
    // A request that is under way is answered; a connection that has none is closed.
    let mut idle = server.connect();
    get(&mut idle, "/");
    write!(stream, "GET /slow HTTP/1.1\r\nhost: example\r\n\r\n").expect("it reads");
    server.says("GET /slow");
    server.terminate();
    assert_eq!(idle.read(&mut [0]).expect("the end"), 0);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("to the end");
    assert!(answer.ends_with("That took a while.\n"), "{answer}");
    server.ends();
}
