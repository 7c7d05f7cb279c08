//! The parts, timed: `cargo bench -p benches --bench parts`, with a name to choose some.

use benches::part::{self, Part};
use divan::Bencher;
use divan::counter::ItemsCount;
use mimalloc::MiMalloc;
use runtime::Builder;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// So many in an iteration: coming into a process is not what is timed.
const N: u64 = 10_000;

fn main() {
    divan::main();
}

/// The figure is of [`N`] operations; the column of items says how many a second.
#[divan::bench(args = part::PARTS.iter().map(|part| part.name), max_time = 1)]
fn parts(bencher: Bencher, name: &str) {
    let part: &'static Part = part::find(name).expect("its name is of the list");
    let builder = Builder::new().workers(part.workers);
    let node = builder.start().expect("the node starts");
    bencher
        .counter(ItemsCount::new(N))
        .bench_local(|| node.run(|| (part.run)(N)));
}
