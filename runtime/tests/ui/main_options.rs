//! The options of `main` are checked; `migrate` is refused without `unsafe`, with the reason.

mod a {
    #[runtime::main(workers = 0)]
    fn main() {}
}
mod b {
    #[runtime::main(worker = 3)]
    fn main() {}
}
mod c {
    #[runtime::main(workers = 3, workers = 4)]
    fn main() {}
}
mod d {
    #[runtime::main(paused)]
    fn main() {}
}
mod e {
    #[runtime::main(migrate)]
    fn main() {}
}
mod f {
    #[runtime::main(unsafe(move_stacks))]
    fn main() {}
}
mod g {
    #[runtime::main(workers)]
    fn main() {}
}
mod h {
    #[runtime::main(workers = "two")]
    fn main() {}
}
mod i {
    #[runtime::main(workers = 2 stack_size = 3)]
    fn main() {}
}

fn main() {}
