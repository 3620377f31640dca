//! The program `jwtd`.

use std::process::ExitCode;

// mimalloc, because the daemon makes many small allocations on one worker and frees them on
// another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    jwtd::cmd::run()
}
