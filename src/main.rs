//! The program `jwtd`.

use std::process::ExitCode;

// Many small allocations, made on one worker and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    jwtd::cmd::run()
}
