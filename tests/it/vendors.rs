//! The packs of `plugins/` as their vendor ships them: checked, signed, added, pinned; trusted in the process and untrusted in a child.

use serde_json::json;

use crate::support::{Workspace, library};

#[test]
fn routers_and_household_ship_like_anybody_elses() {
    let workspace = Workspace::new();
    workspace.run(&["plugin", "keygen", "vendor"]).success();
    let add = |pack: &str| {
        let file = format!("dist/{pack}.so");
        workspace.put(&file, std::fs::read(library(pack)).unwrap());
        let checked = workspace.json(&["plugin", "check", &file, "--episodes", "50", "--seconds", "5"]);
        assert_eq!(checked["passed"], true, "{checked}");
        workspace.run(&["plugin", "sign", &file, "--key", "vendor.key"]).success();
        workspace.json(&["plugin", "add", &file, "--yes", "--key", "vendor.pub"])
    };
    let routers = add("routers");
    assert_eq!((&routers["permissions"], &routers["isolation"]), (&json!(["model"]), &json!("process")));
    workspace.run(&["plugin", "trust", "vendor.pub", "--name", "Vendor"]).success();
    let household = add("household");
    assert_eq!((&household["permissions"], &household["isolation"]), (&json!(["fs"]), &json!("in-process")));

    let verified = workspace.run(&["plugin", "verify"]).success().out;
    assert_eq!(verified.lines().collect::<Vec<_>>(), ["ok    household 0.1.0, signed", "ok    routers 0.1.0, signed"]);
    let list = workspace.run(&["plugin", "list"]).success().out;
    assert_eq!(list.matches("signed by Vendor, in-process").count(), 2, "{list}");
}

#[test]
fn a_crowd_of_packs_is_listed_without_running_one() {
    let workspace = Workspace::new();
    workspace.run(&["plugin", "keygen", "vendor"]).success();
    workspace.run(&["plugin", "trust", "vendor.pub", "--name", "Vendor"]).success();
    let good = std::fs::read(library("hello")).unwrap();
    let (from, packs) = (b"version = \"0.1.0\"", 20);
    let places: Vec<usize> = (0..good.len() - from.len()).filter(|at| good[*at..].starts_with(from)).collect();
    for number in 100..100 + packs {
        let mut bytes = good.clone();
        let version = format!("version=\"0.0.{number}\"");
        places.iter().for_each(|at| bytes[*at..at + from.len()].copy_from_slice(version.as_bytes()));
        workspace.put(&format!(".harness/plugins/hello-{number}.so"), bytes);
    }
    let list = workspace.json(&["plugin", "list"]);
    let versions = list["packs"].as_array().unwrap().iter().filter(|pack| pack["name"] == "hello").count();
    assert_eq!((versions, &list["refused"]), (packs, &json!([])));
    assert!(!workspace.path("cache").exists(), "a private copy is made only to load it");
}
