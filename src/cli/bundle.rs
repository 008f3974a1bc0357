//! `harness bundle`: one folder that runs the same harness on another machine, byte for byte.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Control, Failure,
    app::bundle::{BundleRequest, make},
};

use super::{Global, output};

/// Put a harness and all it uses into one folder, to run it elsewhere byte for byte
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness bundle out/harness.toml --out deploy
  harness bundle my.toml --out deploy --model smollm2 --report out/report.html
  harness run deploy --prompt 'Which of these is a fruit: oak, apple, slate?'
  harness serve deploy

The folder holds harness.toml, harness.lock, the packs it uses with their signatures, and bundle.json: variant ids, digests of all
files and of the models. `run` and `serve` open it with these packs and no others, and refuse it when a file, a built-in pack or a
model is not what was bundled. Weights are not copied: they are known by their digest.")]
pub struct BundleArgs {
    /// The harness
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The model that plays, put into the harness in place of the file's (names as in `harness run`)
    #[arg(long, short)]
    model: Option<String>,
    /// A report to go with it (repeatable)
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
}

/// Makes the folder.
pub fn run(app: &App, global: &Global, args: BundleArgs) -> Result<(), Failure> {
    let request = BundleRequest { file: args.file, out: args.out, model: args.model, reports: args.report };
    let made = make(app, &request, &Control::default())?;
    if global.json {
        return output::json(&made);
    }
    for (name, id) in &made.seal.variants {
        output::line(format_args!("variant   {name} {id}"))?;
    }
    for pack in &made.packs {
        output::line(format_args!("pack      {} {} sha256 {}", pack.name, pack.version, pack.sha256))?;
    }
    output::line(format_args!(
        "made {} with {} files\nnext:\n  harness run {0} --prompt TEXT",
        made.folder.display(),
        made.seal.files.len() + 1
    ))
}
