//! A bare echo server: what gRPC costs when nothing is done with the tokens. See
//! `echo.rs`; `cargo bench --bench budgets` measures the daemon against it.

mod echo;
#[path = "../common/wire.rs"]
mod wire;

use std::process::ExitCode;

// The same as the daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo bench` runs every bench; this one is for others to call.
    if arguments.iter().all(|one| one == "--bench") {
        println!("nothing to measure here; usage: {}", echo::USAGE);
        return ExitCode::SUCCESS;
    }
    echo::run(&arguments)
}
