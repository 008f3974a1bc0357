//! The `harness` program: its entry points. Each turns what somebody asks into a request of the library, and the answer into what they read.

mod cli;
mod mcp;
mod render;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
