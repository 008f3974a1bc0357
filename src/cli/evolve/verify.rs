//! `harness evolve verify`: judges every certificate of a run again, offline, from what the record holds.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::evolve::{VerifiedRun, VerifyRequest, verify},
    trace::ChainCheck,
};
use serde_json::json;

use crate::cli::{Global, output, progress::shown};

/// Check the certificates of a run against the record.
///
/// Plays nothing and loads no pack. Every certificate is judged again from its own pairs, its pairs are compared with the
/// recorded episodes, its terms with the run's settings, its level with the error budget, its
/// groups with those that no ship had used up. Every row of the record is held against its chain, in which each transaction names
/// the one before it; its last hash stands for all of it and can be published. Ends with exit code 1 if anything differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness evolve verify evolve-functions-0a1b2c3d4e
  harness evolve verify evolve-functions                         where only one run's id begins so
  harness evolve verify evolve-functions --record ~/their/record.sqlite
  harness evolve verify evolve-functions --json | jq '.runs[].certificates[] | select(.differs != [])'")]
pub struct VerifyArgs {
    /// The run's id, or how it alone begins; `latest` for the last one
    run: String,
    /// The record [default: .harness/record.sqlite]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Checks, prints, and fails when something differs.
pub fn run(app: &App, global: &Global, args: VerifyArgs) -> Result<(), Failure> {
    let request = VerifyRequest { run: args.run, record: args.record };
    let found = shown(global, |control| verify(app, &request, control))?;
    if global.json {
        output::json(&found)?;
    } else {
        for one in &found.runs {
            output::line(text(one))?;
        }
        output::line(chain(&found.chain))?;
    }
    if found.holds() {
        return Ok(());
    }
    Err(Failure::new("the record does not bear out what the run says")
        .hint("a certificate, a fact or an episode was changed after it was written, or another version wrote it"))
}

/// The record's chain in two lines: publish the hash, and nobody can make another record of it later.
fn chain(chain: &ChainCheck) -> String {
    let mut lines = vec![
        format!("record {} links over {} rows, each naming the one before", chain.links, chain.rows),
        format!("  {}", if chain.head.is_empty() { "no hash: an earlier version wrote it" } else { &chain.head }),
    ];
    lines.extend(chain.differs.iter().map(|what| format!("  DIFFERS    {what}")));
    lines.join("\n")
}

fn text(one: &VerifiedRun) -> String {
    let VerifiedRun { run, found, measured } = one;
    let mut lines = vec![format!("{run}{}", if found.ended { "" } else { " (not ended: checked as far as it is)" })];
    for one in &found.certificates {
        let word = if one.differs.is_empty() { "confirmed" } else { "DIFFERS" };
        let test = json!(one.test).as_str().unwrap_or_default().replace('_', "-");
        let verdict = format!("{:?}", one.verdict).to_lowercase();
        lines.push(format!(
            "  {word:9}  round {} {} {test}: {verdict}, n = {} groups, {} episodes compared",
            one.round, one.candidate, one.groups, one.episodes
        ));
        lines.extend(one.differs.iter().map(|why| format!("             {why}")));
    }
    lines.extend(found.differs.iter().map(|why| format!("  DIFFERS    {why}")));
    let confirmed = found.certificates.iter().filter(|one| one.differs.is_empty()).count();
    lines.push(format!("  {confirmed} of {} certificates confirmed", found.certificates.len()));
    if *measured > 0 {
        lines.push(format!("  {measured} episodes of the report compared"));
    }
    lines.join("\n")
}
