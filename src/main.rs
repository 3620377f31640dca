//! The program `jwtd`.

use std::process::ExitCode;

// Many small allocations of many sizes on every worker: measured faster than the
// system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    jwtd::cmd::run()
}
