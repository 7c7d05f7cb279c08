use genserver::{GenServer, gen_server};

#[gen_server]
struct Server;

struct Other;

#[gen_server]
impl GenServer for Other {}

#[gen_server]
impl [u8; 4] {}

struct Borrowed<'a>(&'a str);

#[gen_server(crate = genserver)]
impl<'a> Borrowed<'a> {}

#[gen_server(pub, workers = 3)]
impl Other {}

fn main() {}
