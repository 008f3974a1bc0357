//! The supervisor as a program of its own, for this crate's tests: the command line has it as a hidden subcommand.

fn main() -> std::process::ExitCode {
    match harness_sandbox::serve() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}
