//! What a pack claims decides when it is tried, not whether: the planner that a household game needs is found when its
//! manifest names the right failures, the wrong ones, or none. With real packs, real games and no language model.

use serde_json::Value;

use crate::support::{Workspace, library};

/// The household pack with other claims: of the same length, so that nothing else of the file moves.
fn claiming(claim: impl Fn(&str) -> String) -> Vec<u8> {
    let mut bytes = std::fs::read(library("household")).unwrap();
    let begins: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"addresses = [")).collect();
    assert!(!begins.is_empty(), "no claims in the pack");
    for at in begins {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n').unwrap();
        let new = claim(std::str::from_utf8(&bytes[at..end]).unwrap());
        assert!(new.len() <= end - at, "{new}");
        bytes[at..end].fill(b' ');
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

/// The round in which the planner ships.
fn ships_in(pack: Vec<u8>) -> u64 {
    let workspace = Workspace::with(&["generic", "hello"]);
    workspace.put(".harness/plugins/household.so", pack);
    workspace.run(&["evolve", "household", "--model", "random", "--sealed", "4", "--out", "out", "--quiet"]).success();
    let report: Value = serde_json::from_str(&workspace.read("out/report.json")).unwrap();
    makes_the_report_again(&workspace);
    let ship = &report["ships"][0];
    assert!(ship["edit"].as_str().is_some_and(|edit| edit.contains("household/planner")), "{}", report["rejected"]);
    ship["round"].as_u64().unwrap()
}

/// An outsider needs the folder alone: the numbers of the report follow from its scores.
fn makes_the_report_again(workspace: &Workspace) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/recompute.py");
    match std::process::Command::new("python3").arg(script).arg(workspace.path("out")).output() {
        Err(error) => eprintln!("skipped: no python3 makes the report again: {error}"),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            assert!(
                said.contains("numbers of the report are those of scores.jsonl") && !said.starts_with("0 "),
                "{said}"
            );
        }
    }
}

#[test]
fn the_module_that_helps_is_found_whatever_its_manifest_claims() {
    let right = ships_in(claiming(str::to_owned));
    let wrong = ships_in(claiming(|_| "addresses = [\"tool_error\"]".to_owned()));
    let absent = ships_in(claiming(|line| line.replacen('a', "#", 1)));
    assert_eq!(right, 1);
    assert!(wrong > right && absent > right, "right {right}, wrong {wrong}, absent {absent}");
}
