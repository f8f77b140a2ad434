//! The binary: parses the command line, runs the command, ends with its exit code.

use std::process::ExitCode;

/// Many small JSON values, made and dropped on every core.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hirewire::cli::main()
}
