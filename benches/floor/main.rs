//! Baseline servers that do nothing with the tokens, to show the cost of gRPC. `echo.rs` is the
//! daemon without its work, `bare.rs` is hyper on one thread; `cargo bench --bench budgets`
//! compares the daemon with both.

mod bare;
mod echo;
#[path = "../common/wire.rs"]
mod wire;

use std::process::ExitCode;

// The daemon's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo bench` runs every bench, but only other benches use this one.
    if arguments.iter().all(|one| one == "--bench") {
        println!("nothing to measure here; usage: {}", echo::USAGE);
        return ExitCode::SUCCESS;
    }
    echo::run(&arguments)
}
