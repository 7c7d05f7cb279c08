//! Fetches a page over HTTP/1.1 and prints it.
//!
//! ```sh
//! cargo run -p gun --example fetch -- example.org 80 /
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use gun::{Awaited, Opts};

#[runtime::main]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(host), Some(port), Some(path)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: fetch HOST PORT PATH".into());
    };
    let opts = Opts::new()
        .retry(0)
        .connect_timeout(Duration::from_secs(10));
    let conn = gun::open(&host, port.parse()?, opts)?;
    let stream = gun::get(conn, &path, [("user-agent", "fetch")]);
    loop {
        match gun::await_(conn, stream, Duration::from_secs(30))? {
            Awaited::Response(fin, status, headers) => {
                eprintln!("{status}\n{headers:#?}");
                if fin {
                    break;
                }
            }
            Awaited::Data(fin, data) => {
                io::stdout().write_all(&data)?;
                if fin {
                    break;
                }
            }
            Awaited::Trailers(_) => break,
            _ => {}
        }
    }
    gun::close(conn)?;
    Ok(())
}
