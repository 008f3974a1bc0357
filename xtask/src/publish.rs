//! The check that `harness-abi` can be published: packed, unpacked elsewhere and built there, as a registry's users would.

use crate::{
    failure::{Failure, Outcome},
    process,
};

/// Packs and builds it without a network; then, where a registry answers, rehearses the publication whole.
pub fn check() -> Outcome {
    let package = ["--package", "harness-abi", "--allow-dirty"];
    process::run(process::cargo().args(["package", "--offline"]).args(package))?;
    let rehearsal = process::cargo().args(["publish", "--dry-run"]).args(package).output();
    let rehearsal = rehearsal.map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
    let said = String::from_utf8_lossy(&rehearsal.stderr);
    if rehearsal.status.success() {
        println!("harness-abi can be published");
        Ok(())
    } else if ["HTTP request", "download", "network", "resolve host"].iter().any(|word| said.contains(word)) {
        eprintln!("no registry answers: `cargo publish --dry-run` left out, the package itself is checked");
        Ok(())
    } else {
        Err(Failure::new(format!("`cargo publish --dry-run --package harness-abi` failed:\n{said}")))
    }
}
