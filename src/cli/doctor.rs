//! `harness doctor`: what is missing on this machine, and the command that mends it.

use clap::Args;
use harness::{
    App, Failure,
    app::doctor::{Finding, Health, doctor},
};
use serde_json::json;

use super::{Global, output};

/// Check what is missing on this machine — packs, model, keys, servers, sandbox, disk — with the command that mends each
#[derive(Debug, Args)]
#[command(
    after_help = "Changes nothing, sends nothing but a connection to an address that you have set, and shows no key.
Exit codes: 0 nothing is missing that the documentation begins with, 1 something is."
)]
pub struct DoctorArgs {}

/// Looks, and says what was found.
pub fn run(app: &App, global: &Global, _: DoctorArgs) -> Result<(), Failure> {
    let found = doctor(app);
    if global.json {
        output::json(&json!({"findings": found}))?;
    } else {
        for finding in &found {
            say(finding)?;
        }
    }
    let missing = found.iter().filter(|finding| finding.health == Health::Missing).count();
    match missing {
        0 => Ok(()),
        1 => Err(Failure::new("one thing is missing")),
        more => Err(Failure::new(format!("{more} things are missing"))),
    }
}

fn say(finding: &Finding) -> Result<(), Failure> {
    let word = match finding.health {
        Health::Good => "ok",
        Health::Optional => "absent",
        Health::Missing => "MISSING",
    };
    output::line(format_args!("{word:<8} {}: {}", finding.about, finding.says))?;
    match &finding.mend {
        Some(mend) => output::line(format_args!("{:<8} mend: {mend}", "")),
        None => Ok(()),
    }
}
