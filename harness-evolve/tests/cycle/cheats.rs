//! Candidates that cheat, each refused by the critic, the screen, the checks or the judge, each with its reason.

use std::collections::BTreeSet;

use harness_evolve::{
    Anchor, AuditCritic, Candidate, Deterministic, Direction, EditKind, EvolveConfig, EvolveError, Evolver, Manifest,
    Memory, Origin, Signature, Stages, TaskDigest, View, evolve,
};
use harness_spec::{AdaptRule, Change, Condition, Config, Edit, Harness, Place, Position, VariantId};

use crate::simulation::{BASE, Paid, Simulation, block_on, catalogue, initial, pack, still};

/// A pack whose module may do what nobody allowed.
const ROBBER: &str = r#"
[pack]
name = "robber"
version = "1.0.0"
abi = "1.0.0"
description = "Reads what it should not"

[[module]]
name = "reader"
kind = "processor"
dimension = "D4"
hooks = ["before_model"]
summary = "Reads the grader's file"
permissions = ["fs"]

[[module]]
name = "runner"
kind = "processor"
dimension = "D4"
hooks = ["before_model"]
summary = "Starts a process"
permissions = ["exec"]

[[module]]
name = "crasher"
kind = "processor"
dimension = "D4"
hooks = ["after_model"]
summary = "Panics as soon as the model has replied"

[[module]]
name = "notes"
kind = "processor"
dimension = "D3"
hooks = ["before_model"]
summary = "Says what it is given"
[module.config.first]
type = "string"
default = ""
tunable = true
[module.config.second]
type = "string"
default = ""
tunable = true
[module.config.map]
type = "object"
default = {}
"#;

/// Proposes what it is given: in the first round everything, later what is to be tried again.
struct Cheater;

fn insert(module: &str, config: &[(&str, serde_json::Value)]) -> Change {
    Change::Insert {
        place: Place::Processor,
        module: module.parse().unwrap(),
        id: None,
        config: config.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Config>(),
        at: Position::Last,
    }
}

fn made(view: View<'_>, digests: &[TaskDigest], changes: Vec<Change>) -> Candidate {
    let edit = Edit::from_changes(&changes, view.incumbent).unwrap();
    let harness: Harness = edit.apply(view.incumbent).unwrap();
    let signature = changes.iter().filter_map(|change| match change {
        Change::Insert { module, .. } => Some(Signature { module: module.module.clone(), hooks: Vec::new() }),
        _ => None,
    });
    let failing = digests.iter().find(|digest| !digest.passes()).unwrap();
    let manifest = Manifest {
        kind: EditKind::Insert,
        directions: changes.iter().map(ToString::to_string).collect(),
        modules: changes.iter().map(ToString::to_string).collect(),
        category: None,
        evidence: failing.anchors[..1].to_vec(),
        capability: vec!["trust me".to_owned()],
        unlock: vec![failing.task.clone()],
        stabilize: Vec::new(),
        at_risk: Vec::new(),
        signature: signature.collect(),
    };
    let variant = harness.variant_id(view.catalogue);
    Candidate { id: String::new(), changes, edit, variant, origin: Origin::Proposed, manifest, harness }
}

impl Evolver for Cheater {
    async fn propose(
        &self,
        view: View<'_>,
        _: &[Direction],
        digests: &[TaskDigest],
        _: &BTreeSet<VariantId>,
        _: usize,
    ) -> Result<Vec<Candidate>, EvolveError> {
        let make = |changes: Vec<Change>| made(view, digests, changes);
        let notes = |text: &str| make(vec![insert("robber/notes", &[("first", text.into())])]);
        if view.round > 1 {
            return Ok(vec![make(vec![insert("memoriser/memoriser", &[])])]);
        }
        let rule = |change: Change| {
            let (id, when, apply) = ("tool_errors".to_owned(), Condition::ToolErrors(1), vec![change]);
            Change::Adapt { rule: AdaptRule { id, when, apply, once: true } }
        };
        let twice = Change::Insert {
            place: Place::Processor,
            module: "base/prompt".parse().unwrap(),
            id: Some("prompt_2".to_owned()),
            config: Config::new(),
            at: Position::Last,
        };
        let mut all = vec![
            notes("Treasure: 0010 -- UNDER the old-oak!"),
            make(vec![insert(
                "robber/notes",
                &[("first", "treasure 0020 under".into()), ("second", "the old oak".into())],
            )]),
            notes("sealed-004/0 is easy"),
            make(vec![insert("robber/notes", &[("map", serde_json::json!({"gate-003": "yes"}))])]),
            notes("say what functions/choice accepts"),
            notes("/benchmark/possible_answer/live.json"),
            make(vec![insert("robber/reader", &[])]),
            make(vec![rule(insert("robber/runner", &[]))]),
            make(vec![insert("ghost/writer", &[])]),
            make(vec![twice]),
        ];
        let dud = |number: i64| {
            let (place, id, key) = (Place::Processor, "prompt".to_owned(), "patience".to_owned());
            make(vec![Change::Configure { place, id, key, value: Some(number.into()) }])
        };
        let mut made_up = dud(5);
        made_up.manifest.evidence = vec![Anchor { episode: "gate-001/0".to_owned(), step: 3 }];
        let mut silent = dud(6);
        silent.manifest.evidence.clear();
        let mut seer = dud(7);
        seer.manifest.unlock = vec!["sealed-001/0".to_owned()];
        let mut sly = dud(8);
        sly.changes = dud(9).changes;
        let mut swapped = dud(10);
        swapped.harness = dud(11).harness;
        all.extend([made_up, silent, seer, sly, swapped]);
        all.push(make(vec![insert("robber/crasher", &[])]));
        all.extend(
            ["sleeper", "swallower", "forger", "idler", "memoriser"]
                .map(|name| make(vec![insert(&format!("{name}/{name}"), &[])])),
        );
        Ok(all)
    }
}

struct Cheating(Deterministic);

impl Stages for Cheating {
    fn digester(&self) -> &impl harness_evolve::Digester {
        &self.0.digester
    }
    fn planner(&self) -> &impl harness_evolve::Planner {
        &self.0.planner
    }
    fn evolver(&self) -> &impl Evolver {
        &Cheater
    }
    fn critic(&self) -> &impl harness_evolve::Critic {
        &self.0.critic
    }
}

#[test]
fn every_cheat_is_refused_with_its_reason() {
    let names = ["sleeper", "swallower", "forger", "idler", "memoriser"];
    let packs: Vec<String> = names.iter().map(|name| pack(name, &[])).collect();
    let texts: Vec<&str> = [BASE, ROBBER].into_iter().chain(packs.iter().map(String::as_str)).collect();
    let paid = Paid::default();
    let mut simulation = Simulation::new(catalogue(&texts), &paid);
    (simulation.tools, simulation.discordance, simulation.base) = (true, 0.0, 0.2);
    simulation.effects = vec![("memoriser", -0.1)];
    let shines = [("sleeper", 0.7), ("swallower", 0.7), ("forger", 0.7), ("idler", 0.7), ("memoriser", 0.75)];
    simulation.elsewhere = shines.map(|(module, gain)| (module, "explore", gain)).into();
    simulation.crashes = vec![("crasher", ""), ("sleeper", "gate")];
    let mut stages = Cheating(Deterministic::default());
    let secrets = (0..40).map(|k| format!("treasure {k:03}0 under the old oak"));
    let formats = ["functions/choice", "/benchmark/possible_answer/live.json"].map(str::to_owned);
    stages.0.critic = AuditCritic::new(secrets).formats(formats);
    let config = EvolveConfig {
        seed: 3,
        first_candidates: 40,
        judged: 8,
        tunings: 0,
        combinations: 0,
        ..EvolveConfig::default()
    };
    let run = |config: &EvolveConfig, ledger: &Memory| {
        block_on(evolve(&simulation, ledger, config, &initial(), &stages, &still(), &())).unwrap()
    };
    let evolution = run(&config, &Memory::default());
    let mut reasons: Vec<String> = evolution
        .refused
        .iter()
        .map(|refused| format!("{:?}: {}: {}", refused.at, refused.edit, refused.reason))
        .collect();
    reasons.extend(evolution.judged.iter().map(|judged| format!("judged: {}: {}", judged.edit, judged.reason())));
    let screened = evolution.rounds.iter().flat_map(|round| &round.screened).filter(|row| !row.survived);
    reasons.extend(screened.map(|row| format!("screened: {}: {}", row.edit, row.reason())));
    let all = reasons.join("\n");
    for (cheat, at, reason) in [
        ("an answer in a prompt", "Critic", "leakage: `first` holds `treasure 0010 under the old oak`"),
        ("an answer spread over fields", "Critic", "leakage: `all fields` holds `treasure 0020 under the old oak`"),
        ("a sealed task's name", "Critic", "holds `sealed-004"),
        ("a gate group in a table's key", "Critic", "leakage: `map` holds `gate-003`"),
        ("the grader's name", "Critic", "written towards the grader: `first` holds `functions/choice`"),
        ("the grader's file in a config", "Critic", "holds `/benchmark/possible_answer/live.json`"),
        ("a module that reads files", "Critic", "robber/reader after prompt: it may use `fs`"),
        ("a process started by a rule", "Critic", "insert adapt rule tool_errors first: it may use `exec`"),
        ("a missing module", "Critic", "a missing module: processor `writer`: no pack `ghost`"),
        ("a second module of a slot", "Critic", "a collision: processor `prompt_2`: the slot `prompt` is taken"),
        ("evidence that does not exist", "Critic", "step 3 of episode gate-001/0 was not digested"),
        ("no evidence", "Critic", "no evidence: no place in the record"),
        ("a prediction of a sealed task", "Critic", "`sealed-001/0` is no task of the explore split"),
        ("an edit unlike its changes", "Critic", "its edit does something other than its changes"),
        ("a harness unlike its edit", "Critic", "its harness is not what its edit gives"),
        ("a module that crashes in after_model", "screened", "insert robber/crasher after prompt: estimated -"),
        ("that it crashed", "screened", "points on 6 explore tasks; the harness failed in 6 episodes"),
        ("a module that crashes where it counts", "judged", "insert sleeper/sleeper after prompt: "),
        ("swallowed tool errors", "Check", "`swallower` makes a success of a tool's error in step 2"),
        ("a forged answer", "Check", "`forger` says an answer that nobody told it in"),
        ("a module that does nothing", "Check", "none of its modules decided anything"),
        ("knowledge of the explore tasks", "judged", "insert memoriser/memoriser after prompt: "),
        ("what was rejected, again", "Critic", "insert memoriser/memoriser after prompt: a duplicate"),
    ] {
        let met = reasons.iter().any(|line| line.starts_with(at) && line.contains(reason));
        assert!(met, "{cheat} was not refused for `{reason}`:\n{all}");
    }
    assert!(evolution.ships.is_empty(), "{:?}", evolution.ships);
}
