//! Fetches a page into a file, or onto the standard output, and shows how far it is.
//!
//! ```sh
//! cargo run --release -p gun --example fetch -- https://example.org/
//! cargo run --release -p gun --example fetch -- http://localhost:8080/large.iso large.iso
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use gun::{Awaited, Body, Opts, Transport};
use http::Uri;
use http::header::CONTENT_LENGTH;
use runtime::blocking;

const PATIENCE: Duration = Duration::from_secs(30);

/// How far it is, on the standard error, now and then.
struct Progress {
    done: u64,
    whole: Option<u64>,
    began: Instant,
    shown: Instant,
}

impl Progress {
    fn new(whole: Option<u64>) -> Progress {
        let began = runtime::now();
        Progress {
            done: 0,
            whole,
            began,
            shown: began,
        }
    }

    fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.shown.elapsed() > Duration::from_millis(100) {
            self.show();
        }
    }

    fn show(&mut self) {
        self.shown = runtime::now();
        let seconds = (self.shown - self.began).as_secs_f64();
        let rate = self.done as f64 / (1 << 20) as f64 / seconds.max(0.001);
        let done = self.done >> 10;
        match self.whole {
            Some(whole) if whole > 0 => {
                let percent = self.done * 100 / whole;
                let bar = "#".repeat((percent / 4) as usize);
                eprint!("\r[{bar:25}] {percent:3} % {done} KiB, {rate:.1} MiB/s ");
            }
            _ => eprint!("\r{done} KiB, {rate:.1} MiB/s "),
        }
    }
}

fn fetch(
    uri: &Uri,
    mut to: impl Write + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let is_tls = uri.scheme_str() == Some("https");
    let host = uri.host().ok_or("the URL has no host")?;
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let transport = if is_tls {
        Transport::Tls
    } else {
        Transport::Tcp
    };
    let opts = Opts::new()
        .retry(0)
        .connect_timeout(PATIENCE)
        .transport(transport);
    let conn = gun::open(host, port, opts)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let stream = gun::get(conn, path, [("user-agent", "fetch")]);
    let (fin, headers) = loop {
        match gun::await_(conn, stream, PATIENCE)? {
            Awaited::Response {
                fin,
                status,
                headers,
            } => {
                eprintln!("{status}");
                if !status.is_success() {
                    return Err(format!("the server says {status}").into());
                }
                break (fin, headers);
            }
            _ => continue,
        }
    };
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let mut progress = Progress::new(length.and_then(|length| length.parse().ok()));
    if !fin {
        let mut body = Body::new(conn, stream, PATIENCE);
        while let Some(piece) = body.piece()? {
            progress.add(piece.len());
            let written;
            (to, written) = blocking(move || {
                let written = to.write_all(&piece);
                (to, written)
            });
            written?;
        }
    }
    progress.show();
    eprintln!();
    gun::shutdown(conn);
    Ok(())
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: fetch URL [FILE]")?;
    let uri = url.parse()?;
    match arguments.next() {
        Some(file) => fetch(&uri, blocking(|| File::create(file))?),
        None => fetch(&uri, io::stdout()),
    }
}
