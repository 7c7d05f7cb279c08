//! `main` is a plain function without arguments.

mod a {
    #[runtime::main]
    async fn main() {}
}
mod b {
    #[runtime::main]
    fn main(n: u8) {}
}
mod c {
    #[runtime::main]
    fn main<T>() {}
}
mod d {
    #[runtime::main]
    fn start() {}
}
mod e {
    #[runtime::main]
    struct Main;
}
mod f {
    #[runtime::main]
    unsafe fn main() {}
}
mod g {
    #[runtime::main]
    extern "C" fn main() {}
}
mod h {
    #[runtime::main]
    const fn main() {}
}

fn main() {}
