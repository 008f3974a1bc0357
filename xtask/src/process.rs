//! Programs this one starts: shown before they run, and a failure names the whole command.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Outcome},
    place,
};

/// The cargo that started this program, in the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(place::root());
    command
}

/// The `harness` binary of the release build, in the workspace, which trusts the packs of this checkout.
pub fn harness() -> Command {
    let mut command = Command::new(place::binary());
    command.current_dir(place::root()).env("HARNESS_POLICY", place::root().join("xtask/policy.toml"));
    command
}

fn shown(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn ended(shown: &str, status: std::io::Result<std::process::ExitStatus>) -> Outcome {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{shown}` failed: {status}"))),
        Err(error) => Err(Failure::new(format!("cannot start `{shown}`: {error}"))),
    }
}

/// Runs it; it writes to the person itself.
pub fn run(command: &mut Command) -> Outcome {
    let shown = shown(command);
    eprintln!("$ {shown}");
    ended(&shown, command.status())
}

/// Runs it, passing its standard output on line by line, and gives that output back.
pub fn tee(command: &mut Command) -> Outcome<String> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let start = command.stdout(Stdio::piped()).spawn();
    let mut child = start.map_err(|error| Failure::new(format!("cannot start `{shown}`: {error}")))?;
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| Failure::new(format!("`{shown}`: {error}")))?;
            println!("{line}");
            text.push_str(&line);
            text.push('\n');
        }
    }
    ended(&shown, child.wait())?;
    Ok(text)
}

/// Runs it, however it ends, and gives what it said on standard output; standard error is passed on.
pub fn output_of(command: &mut Command) -> String {
    eprintln!("$ {}", shown(command));
    let said = command.stderr(Stdio::inherit()).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}

/// Runs it without a word and gives what it said on standard error; when it fails, that is said here.
pub fn said(command: &mut Command) -> Outcome<String> {
    let shown = shown(command);
    let output = command.output().map_err(|error| Failure::new(format!("cannot start `{shown}`: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        eprint!("{said}");
    }
    ended(&shown, Ok(output.status)).map(|()| said)
}

/// What it prints on standard output, or nothing if it cannot be run or fails.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
