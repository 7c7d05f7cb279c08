//! `part NAME N`: does a part so often, for `.ci/instructions` to count. Without arguments: names.

use std::process::ExitCode;

use benches::part;
use mimalloc::MiMalloc;
use runtime::Builder;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, n] = arguments.as_slice() else {
        part::PARTS
            .iter()
            .for_each(|part| println!("{}", part.name));
        return ExitCode::SUCCESS;
    };
    let (Some(part), Ok(n)) = (part::find(name), n.parse()) else {
        eprintln!("part: no part `{name}`, or {n} is no number");
        return ExitCode::from(2);
    };
    let builder = Builder::new().workers(part.workers);
    let node = builder.start().expect("the node starts");
    node.run(move || (part.run)(n));
    ExitCode::SUCCESS
}
