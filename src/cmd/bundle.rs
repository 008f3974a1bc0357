//! `harness bundle`: one folder that runs the same harness on another machine, byte for byte. Refuses to bundle what does not come up
//! here, and to write over anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Args;
use harness_core::assemble;
use harness_files::Draft;
use harness_host::{Lock, signature_path};
use harness_spec::{LockedPack, Pool, Version};
use serde_json::json;

use super::{Global, plugin};
use crate::{
    bundle::{self, HARNESS, LOCK, PACKS, SEAL, Seal},
    failure::Failure,
    output,
    replace::unwritten,
};

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
pub fn run(global: &Global, args: &BundleArgs) -> Result<(), Failure> {
    let out = &args.out;
    if out.exists() {
        return Err(
            Failure::input(format!("{} is there already", out.display())).hint("choose another --out, or move it away")
        );
    }
    let opened = bundle::open(&args.file, &global.plugins)?;
    let (pool, host) = (opened.played_by(args.model.as_deref(), &args.file)?, &opened.host);
    let mut models = BTreeMap::new();
    for (name, harness) in &pool.variants {
        let agent = assemble(harness, host)?;
        opened.check(name, &agent)?;
        models.insert(name.clone(), agent.model_digests());
    }

    let draft = Draft::beside(out).map_err(unwritten(out))?;
    draft.folder().below(Path::new(PACKS), true).map_err(unwritten(out))?;
    let mut lock = Lock::default();
    let mut built_in = BTreeMap::new();
    for (name, version) in used(&pool, host)? {
        let Some(file) = host.file(&name, version) else {
            built_in.insert(name, version);
            continue;
        };
        let trust = host.trust(&name, version);
        lock.insert(LockedPack {
            sha256: file.sha256.clone(),
            publisher: trust.and_then(|trust| trust.signer.key().cloned()),
            permissions: file.manifest.permissions(),
            shown: plugin::shown(host, &name, version)?,
            name: name.clone(),
            version,
        });
        let to = format!("{PACKS}/{name}-{version}.so");
        copy(&draft, &file.path, &to)?;
        let signature = signature_path(&file.path);
        if signature.exists() {
            copy(&draft, &signature, &format!("{to}.minisig"))?;
        }
        // The file may have changed since it was looked at.
        if bundle::digest_of(&draft.path().join(&to))? != file.sha256 {
            return Err(
                Failure::input(format!("{} changed while it was bundled", file.path.display())).hint("try again")
            );
        }
    }
    for (_, tool, _) in plugin::foreign(&pool, host)? {
        lock.insert_tool(tool);
    }
    for report in &args.report {
        let name = report.file_name().ok_or_else(|| Failure::input(format!("{} is no file", report.display())))?;
        copy(&draft, report, &format!("report/{}", name.to_string_lossy()))?;
    }
    match args.model {
        // As the person wrote it, comments and all.
        None => {
            let source = if args.file.is_dir() { args.file.join(HARNESS) } else { args.file.clone() };
            copy(&draft, &source, HARNESS)?;
        }
        Some(_) => write(&draft, HARNESS, &pool.to_toml().map_err(Failure::input)?)?,
    }
    write(&draft, LOCK, &lock.to_toml())?;
    let variants = bundle::variants(&pool, host.catalogue());
    let seal = Seal::new(variants, models, built_in, digests(&draft)?);
    write(&draft, SEAL, &format!("{}\n", serde_json::to_string_pretty(&seal).map_err(Failure::new)?))?;
    // As another machine will, before anybody relies on it.
    bundle::open(draft.path(), &[])?;
    draft.finish().map_err(unwritten(out))?;

    if global.json {
        return output::json(&json!({"folder": out, "seal": seal}));
    }
    for (name, id) in &seal.variants {
        output::line(format_args!("variant   {name} {id}"))?;
    }
    for pack in &lock.packs {
        output::line(format_args!("pack      {} {} sha256 {}", pack.name, pack.version, pack.sha256))?;
    }
    output::line(format_args!(
        "made {} with {} files\nnext:\n  harness run {0} --prompt TEXT",
        out.display(),
        seal.files.len() + 1
    ))
}

/// Names and versions of the packs whose modules a harness names.
fn used(pool: &Pool, host: &harness_host::Host) -> Result<BTreeSet<(String, Version)>, Failure> {
    let mut used = BTreeSet::new();
    let inner: Vec<_> = pool.variants.values().flat_map(|harness| harness.all_inner(host.catalogue())).collect();
    let all = pool.variants.values().chain(inner.iter().map(|(_, inner)| inner));
    for reference in all.flat_map(harness_spec::Harness::modules) {
        let entry = host.catalogue().lookup(reference).map_err(harness_host::HostError::from)?;
        used.insert((entry.pack.pack.name.clone(), entry.pack.pack.version));
    }
    Ok(used)
}

/// Copies a file into the folder that is being made.
fn copy(draft: &Draft, from: &Path, to: &str) -> Result<(), Failure> {
    let fail = |error| Failure::input(format!("cannot copy {} to {}: {error}", from.display(), draft.path().display()));
    draft.copy(from, to).map_err(fail)
}

/// Writes a file of the folder that is being made.
fn write(draft: &Draft, to: &str, text: &str) -> Result<(), Failure> {
    draft.write(to, text.as_bytes()).map_err(unwritten(&draft.path().join(to)))
}

/// SHA-256 of every file, by its path in the folder.
fn digests(draft: &Draft) -> Result<BTreeMap<String, String>, Failure> {
    let (mut digests, mut folders) = (BTreeMap::new(), vec![draft.path().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(draft.path()) {
                digests.insert(name.to_string_lossy().into_owned(), bundle::digest_of(&path)?);
            }
        }
    }
    Ok(digests)
}
