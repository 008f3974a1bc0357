//! `harness completions`: what a shell needs to complete the command line. `harness man`: pages for `man`.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use harness::Failure;
use harness_files::Access;

use super::{Cli, output};

/// Write a shell's completions to standard output
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness completions bash > ~/.local/share/bash-completion/completions/harness
  harness completions zsh > ~/.zfunc/_harness
  harness completions fish > ~/.config/fish/completions/harness.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write a page for `man` of every command into a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:
  harness man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The folder; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes them.
pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "harness", &mut text);
    output::line(String::from_utf8_lossy(&text).trim_end())
}

/// Writes them.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(fail)?;
    let mut command = Cli::command();
    command.build();
    pages(&command, &args.folder).map_err(fail)
}

/// The page of a command and those of what is below it.
fn pages(command: &Command, folder: &Path) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).replace(' ', "-");
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    harness_files::replace(&folder.join(format!("{name}.1")), &page, Access::Usual)?;
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    shown.into_iter().try_for_each(|below| pages(below, folder))
}
