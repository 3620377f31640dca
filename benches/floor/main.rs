//! Servers that do nothing with the tokens: what gRPC costs. `echo.rs` is the daemon without its
//! work, `bare.rs` is hyper on one thread; `cargo bench --bench budgets` measures the daemon
//! against both.

mod bare;
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
