//! Help teaches, and costs nothing.

use crate::support::Workspace;

#[test]
fn every_subcommand_shows_examples() {
    let workspace = Workspace::new();
    for command in [
        "bench",
        "evolve",
        "evolve verify",
        "plugin",
        "plugin new",
        "plugin inspect",
        "plugin check",
        "plugin add",
        "plugin remove",
        "plugin sign",
        "plugin keygen",
        "plugin trust",
        "run",
        "serve",
        "mcp",
        "mcp serve",
        "bundle",
        "suite",
        "suite new",
        "suite check",
        "suite from-traces",
        "edit",
        "model",
        "data",
        "trace",
        "trace export",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = workspace.run(&arguments).success().out;
        assert!(help.contains(&format!("harness {command} ")), "{command}: {help}");
        assert!(!help.contains('\u{1b}'), "colours without a terminal");
    }
}

#[test]
fn help_makes_nothing() {
    let workspace = Workspace::new();
    workspace.run(&["--help"]).success();
    workspace.run(&["--version"]).success();
    assert!(crate::support::names(&workspace.path(".")).is_empty());
}

#[test]
fn a_wrong_command_line_is_bad_input() {
    let workspace = Workspace::new();
    let ran = workspace.run(&["plugin", "lst"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("'list'"), "{}", ran.err);
}
