//! Error texts say what, where and what to do.

use harness_spec::*;
use insta::assert_snapshot;

const STD: &str = r#"
[pack]
name = "std"
version = "1.0.0"
abi = "1.0.0"
description = "The first pack."

[[module]]
name = "system_prompt"
kind = "processor"
slot = "system_prompt"
dimension = "D2"
hooks = ["task_start"]
order = "pre"
[module.config]
template = { type = "string", required = true, tunable = true, variants = ["Be brief."] }

[[module]]
name = "loop_guard"
kind = "processor"
dimension = "D7"
hooks = ["after_model", "step_end"]
after = ["repair"]
addresses = ["action_loop"]
config.window = { type = "integer", default = 4, minimum = 2, maximum = 20, tunable = true }
config.mode = { type = "string", default = "nudge", enum = ["nudge", "stop"] }

[[module]]
name = "repair"
kind = "processor"
dimension = "D7"
hooks = ["after_model"]
after = ["loop_guard"]

[[module]]
name = "late"
kind = "processor"
slot = "planner"
dimension = "D7"
hooks = ["before_model"]
order = "post"

[[module]]
name = "early"
kind = "processor"
slot = "planner"
dimension = "D7"
hooks = ["before_model"]
order = "pre"
after = ["late"]

[[module]]
name = "scorer"
kind = "processor"
dimension = "D4"
hooks = ["before_model"]
needs = ["score"]
permissions = ["model"]

[[module]]
name = "random"
kind = "model"
dimension = "D1"
provides = ["choice"]

[[module]]
name = "search"
kind = "tool"
dimension = "D4"
permissions = ["net"]
"#;

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::new();
    catalogue.insert(PackManifest::parse(STD).unwrap());
    catalogue
}

fn harness_error(text: &str) -> String {
    Harness::parse(text).unwrap_err().to_string()
}

fn check_errors(text: &str) -> String {
    let main = "[model.main]\nuse = \"std/random\"\n";
    let text = if text.contains("model.main") { text.to_owned() } else { format!("{text}\n{main}") };
    let errors = check(&Harness::parse(&text).unwrap(), &catalogue()).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_with_mistakes() {
    assert_snapshot!(harness_error("action = \"reply\"\n\n[[procesor]]\nuse = \"std/loop_guard\"\n"), @"line 3, column 3: unknown key `procesor` in this file; did you mean `processor`?");
    assert_snapshot!(harness_error("[[processor]]\nuse = \"std/loop_guard\"\nwindow = 3\n"), @"line 3, column 1: unknown key `window` in [[processor]] 1; valid are `id`, `use`, `config`");
    assert_snapshot!(harness_error("[sampling]\ntemprature = 0.5\n"), @"line 2, column 1: unknown key `temprature` in [sampling]; did you mean `temperature`?");
    assert_snapshot!(harness_error("[sampling]\ntemperature = \"hot\"\n"), @r#"line 2, column 15: `sampling.temperature` must be a number, 0 or more, not `"hot"`"#);
    assert_snapshot!(harness_error("[budget]\nsteps = 0\n"), @"line 2, column 9: `budget.steps` must be an integer from 1 to 4294967295, not `0`");
    assert_snapshot!(harness_error("action = \"replay\"\n"), @r#"line 1, column 10: `action` must be `reply` or `tool`, not `"replay"`"#);
    assert_snapshot!(harness_error("[[processor]]\nid = \"x\"\n"), @r#"line 1, column 1: [[processor]] 1 has no `use`; add `use = "pack/module"`"#);
    assert_snapshot!(harness_error("[[processor]]\nuse = \"loop_guard\"\n"), @"line 2, column 7: `loop_guard` is not a module reference; write `pack/module` or `pack/module@1.2.3`, for example `std/loop_guard`");
    assert_snapshot!(harness_error("[[processor]]\nuse = 3\n"), @"line 2, column 7: `use` in [[processor]] 1 must be a string, not `3`");
    assert_snapshot!(harness_error("processor = 3\n"), @"line 1, column 13: `processor` in this file must be an array of tables, not `3`");
    assert_snapshot!(harness_error("[[processor]]\nuse = \"std/x\"\nconfig.day = 1979-05-27\n"), @"line 3, column 14: dates are not allowed; write the date as a string, in quotes");
    assert_snapshot!(harness_error("[[processor]\n"), @"line 1, column 13: not valid TOML: unclosed array table, expected `]`");
    assert_snapshot!(harness_error("[[adapt]]\nwhen = { loop_detcted = 3 }\napply = []\n"), @"line 2, column 10: unknown key `loop_detcted` in [[adapt]] 1 `when`; did you mean `loop_detected`?");
    assert_snapshot!(harness_error("[[adapt]]\nwhen = { loop_detected = 3, tool_errors = 1 }\n"), @"line 2, column 8: [[adapt]] 1 `when` must hold exactly one condition, not 2; write one rule for each");
    assert_snapshot!(harness_error("[[adapt]]\nwhen = { budget_share = 2 }\n"), @"line 2, column 25: `budget_share` in [[adapt]] 1 `when` must be a number above 0, at most 1, not `2`");
    assert_snapshot!(harness_error("[[adapt]]\nwhen = { tool_errors = 2 }\napply = [{ op = \"inserts\" }]\n"), @"line 3, column 17: `inserts` is not a valid operation; did you mean `insert`?");
    assert_snapshot!(harness_error("[[adapt]]\nwhen = { tool_errors = 2 }\napply = [{ op = \"remove\", id = \"x\", at = \"first\" }]\n"), @"line 3, column 37: unknown key `at` in [[adapt]] 1 `apply` 1; valid are `op`, `place`, `id`");
    assert_snapshot!(harness_error("[[adapt]]\nwhen = { tool_errors = 2 }\napply = [{ op = \"move\", id = \"x\", at = \"before y\" }]\n"), @"line 3, column 40: `before y` is not a position; write `first`, `last` or `after ID`");
}

#[test]
fn a_harness_that_does_not_fit() {
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_gard\"\n"), @"processor `loop_gard`: pack `std` 1.0.0 has no module `loop_gard`; did you mean `std/loop_guard`?");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"sdt/loop_guard\"\n"), @"processor `loop_guard`: no pack `sdt` is installed; did you mean `std/loop_guard`?");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_guard@2.0.0\"\n"), @"processor `loop_guard`: pack `std` is not installed in version 2.0.0; installed are 1.0.0");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/search\"\n"), @"processor `search`: `std/search` is a tool, but a processor belongs here; put it where tools go or choose another module");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_guard\"\nconfig = { windw = 3, mode = \"kill\" }\n"), @r#"
    processor `loop_guard`: `mode` must be one of `"nudge"`, `"stop"`, not `"kill"`
    processor `loop_guard`: `std/loop_guard` has no config field `windw`; did you mean `window`?
    "#);
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_guard\"\nconfig.window = 50\n"), @"processor `loop_guard`: `window` must be an integer from 2 to 20, not `50`");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_guard\"\nconfig.window = 2.5\n"), @"processor `loop_guard`: `window` must be an integer from 2 to 20, not `2.5`");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/system_prompt\"\n"), @"processor `system_prompt`: `std/system_prompt` needs the config field `template`, a string; add it");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_guard\"\n[[processor]]\nuse = \"std/loop_guard\"\n"), @"processor `loop_guard`: the id is used 2 times; give each its own `id`");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/early\"\n[[processor]]\nuse = \"std/late\"\n"), @r"
    processor `late`: the slot `planner` is taken by `early` already; keep one of the two
    processor `early`: it runs `pre` but wants to come after `late`, which runs `post`; remove one of the two
    ");
    assert_snapshot!(check_errors("[[processor]]\nuse = \"std/loop_guard\"\n[[processor]]\nuse = \"std/repair\"\n"), @"processors: `loop_guard`, `repair` wait for one another by their `after`; remove one of them");
    assert_snapshot!(check_errors("action = \"tool\"\n[[processor]]\nuse = \"std/scorer\"\n"), @r#"
    action = "tool": it needs `tools`, which the model `std/random` of role `main` does not provide; choose a model that does, or leave it out
    processor `scorer`: it needs `score`, which the model `std/random` of role `main` does not provide; choose a model that does, or leave it out
    "#);
    assert_snapshot!(check_errors("[model.main]\nuse = \"std/search\"\n"), @"model role `main`: `std/search` is a tool, but a model belongs here; put it where tools go or choose another module");
    let rule = |apply: &str| check_errors(&format!("[[adapt]]\nwhen = {{ tool_errors = 2 }}\napply = [{apply}]\n"));
    assert_snapshot!(rule("{ op = \"remove\", id = \"ghost\" }"), @"adapt rule `tool_errors`: its changes do not apply: operation 1 (`remove ghost`): there is no processor `ghost`; this harness has no processors");
    assert_snapshot!(rule("{ op = \"insert\", use = \"std/loop_guard\", config = { window = 1 } }"), @"adapt rule `tool_errors`: after its changes, processor `loop_guard`: `window` must be an integer from 2 to 20, not `1`");
    assert_snapshot!(rule("{ op = \"set\", key = \"budget.steps\", value = 9 }"), @"adapt rule `tool_errors`: `set budget.steps 9` cannot be done mid-task; a rule may change processors, tools and sampling");
    assert_snapshot!(check(&Harness::default(), &Catalogue::new()).unwrap_err()[0], @r#"models: no model serves the role `main`; add `[model.main]` with `use = "pack/module"`"#);
}

#[test]
fn an_edit_that_does_not_apply() {
    let harness = Harness::parse("[[processor]]\nuse = \"std/loop_guard\"\nconfig.window = 5\n").unwrap();
    let edit = |json: &str| serde_json::from_str::<Edit>(json).unwrap().apply(&harness).unwrap_err().to_string();
    assert_snapshot!(edit(r#"[{"op": "configure", "place": "processor", "id": "loop_gard", "key": "window", "new": 3}]"#), @"operation 1 (`set loop_gard.window default → 3`): there is no processor `loop_gard`; did you mean `loop_guard`?");
    assert_snapshot!(edit(r#"[{"op": "configure", "place": "processor", "id": "loop_guard", "key": "window", "old": 4, "new": 3}]"#), @"operation 1 (`set loop_guard.window 4 → 3`): `loop_guard.window` is `5`, not `4` as the edit supposes; make the edit anew against this harness");
    assert_snapshot!(edit(r#"[{"op": "insert", "place": "processor", "module": {"id": "loop_guard", "use": "std/repair"}}]"#), @"operation 1 (`insert std/repair as loop_guard first`): there is a processor `loop_guard` already; give the new one another `id`");
    assert_snapshot!(edit(r#"[{"op": "set", "key": "budget.steps", "old": 50, "new": 3}, {"op": "set", "key": "budget.steps", "old": 3, "new": 0}]"#), @"operation 2 (`set budget.steps 3 → 0`): `budget.steps` must be an integer from 1 to 4294967295, not `0`");
    assert_snapshot!(edit(r#"[{"op": "remove", "place": "processor", "module": {"id": "loop_guard", "use": "std/loop_guard"}}]"#), @"operation 1 (`remove loop_guard`): `loop_guard` is `loop_guard` (std/loop_guard, 1 config values), not `loop_guard` (std/loop_guard) as the edit supposes; make the edit anew against this harness");
}

#[test]
fn a_manifest_with_mistakes() {
    let head = "[pack]\nname = \"x\"\nversion = \"1.0.0\"\nabi = \"1.0.0\"\n[[module]]\nname = \"m\"\nkind = \"processor\"\ndimension = \"D1\"\n";
    let error = |rest: &str| PackManifest::parse(&format!("{head}{rest}")).unwrap_err().to_string();
    assert_snapshot!(error(""), @r#"line 5, column 1: [[module]] 1 has no `hooks`; add `hooks = ["before_model"]`"#);
    assert_snapshot!(error("hooks = [\"befor_model\"]\n"), @"line 9, column 10: `befor_model` is not a valid hook; did you mean `before_model`?");
    assert_snapshot!(error("hooks = [\"before_model\"]\npermisions = []\n"), @"line 10, column 1: unknown key `permisions` in [[module]] 1; did you mean `permissions`?");
    assert_snapshot!(error("hooks = [\"before_model\"]\nprovides = [\"score\"]\n"), @"line 10, column 12: `provides` is for models, and `m` is a processor; remove it");
    assert_snapshot!(error("hooks = [\"before_model\"]\nconfig.k = { type = \"integer\", default = 30, maximum = 9 }\n"), @"line 10, column 42: `default` gives `30`, but the field must be an integer, 9 or less");
    assert_snapshot!(error("hooks = [\"before_model\"]\nconfig.k = { type = \"int\" }\n"), @"line 10, column 21: `int` is not a valid type; did you mean `integer`?");
    assert_snapshot!(error("hooks = [\"before_model\"]\nslot = \"planner\"\nrole = \"planner\"\n"), @"line 11, column 8: `role` is the old word for `slot`; leave it out");
    let older = PackManifest::parse(&format!("{head}hooks = [\"before_model\"]\nrole = \"planner\"\n")).unwrap();
    assert_eq!(older.modules[0].slot.as_deref(), Some("planner"), "what manifests of earlier versions call it");
    let category = |rest: &str| error(&format!("hooks = [\"before_model\"]\n[[category]]\nname = \"lost\"\n{rest}\n"));
    assert_snapshot!(category(""), @"line 10, column 1: a category has exactly one of `observed`, `said`, `tool_error`, `part`");
    assert_snapshot!(category("observed = \"a\"\nsaid = \"b\""), @"line 10, column 1: a category has exactly one of `observed`, `said`, `tool_error`, `part`");
    assert_snapshot!(category("part = \"name\""), @"line 10, column 1: [[category]] 1 has no `below`; add `below = 1.0`");
    assert_snapshot!(category("observed = \"a\"\ntimes = 0.5"), @"line 13, column 9: `times` must be an integer from 1, not 0.5");
    assert_snapshot!(PackManifest::parse("").unwrap_err(), @r#"line 1, column 1: this file has no `pack`; add `pack = { name = "…", … }`"#);
    assert_snapshot!(PackManifest::parse("[pack]\nname = \"x\"\nversion = \"1.0\"\nabi = \"1.0.0\"\n").unwrap_err(), @"line 3, column 11: `1.0` is not a version; write MAJOR.MINOR.PATCH, for example `1.0.0`");
}

#[test]
fn a_lock_file() {
    let mut lock = Lock::default();
    let pack = |name: &str| LockedPack {
        name: name.to_owned(),
        version: "1.2.0".parse().unwrap(),
        sha256: "ab".repeat(32),
        publisher: Some(KEY.parse().unwrap()),
        permissions: vec![Permission::Net],
        shown: [("dice".to_owned(), "cd".repeat(32))].into(),
    };
    lock.insert(pack("routers"));
    lock.insert(pack("gguf"));
    let text = lock.to_toml();
    assert_eq!(Lock::parse(&text).unwrap(), lock);
    assert_eq!(lock.packs[0].name, "gguf");
    assert_snapshot!(Lock::parse(&text.replacen("ab", "zz", 1)).unwrap_err(), @"line 4, column 10: `zzababababababababababababababababababababababababababababababab` is not a SHA-256; it has 64 lower-case hexadecimal digits");
    assert_snapshot!(Lock::parse(&text.replacen("cd", "ZZ", 1)).unwrap_err(), @"line 9, column 8: `ZZcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd` is not a SHA-256; it has 64 lower-case hexadecimal digits");
    assert_snapshot!(Lock::parse(&text.replacen("RW", "QQ", 1)).unwrap_err(), @"line 5, column 13: `QQQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3` is not a publisher's key; it is the second line of a minisign .pub file, 56 characters that begin with RW");
}

const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

#[test]
fn a_policy() {
    let text = format!(
        "only_signed = true\n[[publisher]]\nname = \"Acme\"\nkey = \"{KEY}\"\n[[pack]]\nname = \"hello\"\nisolation = \"process\"\n"
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(Policy::parse(&policy.to_toml()).unwrap(), policy);
    let acme = policy.publisher(&KEY.parse().unwrap());
    assert_eq!(policy.isolation("routers", acme), Isolation::InProcess);
    assert_eq!(policy.isolation("hello", acme), Isolation::Process);
    assert_eq!(policy.isolation("routers", None), Isolation::Process);
    assert_eq!(Policy::parse("").unwrap(), Policy::default());
    assert_snapshot!(Policy::parse("isolation = \"inprocess\"").unwrap_err(), @"line 1, column 13: `inprocess` is not a valid isolation; did you mean `in-process`?");
    assert_snapshot!(Policy::parse("[[publisher]]\nname = \"Acme\"\nkey = \"RWx\"\n").unwrap_err(), @"line 3, column 7: `RWx` is not a publisher's key; it is the second line of a minisign .pub file, 56 characters that begin with RW");
    let twice = text.replace("[[pack]]", &format!("[[publisher]]\nname = \"Other\"\nkey = \"{KEY}\"\n[[pack]]"));
    assert_snapshot!(Policy::parse(&twice).unwrap_err(), @"line 7, column 7: `Acme` and `Other` have one key; remove one");
    let twice = format!("{text}[[pack]]\nname = \"hello\"\nisolation = \"in-process\"\n");
    assert_snapshot!(Policy::parse(&twice).unwrap_err(), @"line 9, column 8: `hello` is decided on twice; remove one");
}
