//! Stages that ask a model, with a scripted one: what it says is used where it fits, paid from the budgets, written down, and
//! never needed.

use std::collections::BTreeSet;
use std::sync::Mutex;

use harness_abi::Usage;
use harness_evolve::meta::{Meta, MetaClient, MetaError, MetaStages, Question, Stage, Written};
use harness_evolve::{AuditCritic, Evolution, EvolveConfig, Ledger, Memory, Stop, TraceDigester, evolve};

use crate::simulation::{BASE, DUDS, Paid, Simulation, block_on, catalogue, decisions, initial, run, still};

/// A pack whose prompt is free text.
pub const POET: &str = r#"
[pack]
name = "poet"
version = "1.0.0"
abi = "1.0.0"
description = "Says what it is told"

[[module]]
name = "planted"
kind = "processor"
dimension = "D2"
hooks = ["task_start"]
summary = "Adds a line"
[module.config.line]
type = "string"
default = "nothing"
tunable = true
"#;

/// Says what a script says to each question, in order; then what it said last.
struct Scripted {
    script: fn(Stage, usize) -> Result<&'static str, MetaError>,
    asked: Mutex<Vec<Question>>,
}

impl Scripted {
    fn new(script: fn(Stage, usize) -> Result<&'static str, MetaError>) -> Self {
        Self { script, asked: Mutex::default() }
    }

    fn stages(&self) -> Vec<Stage> {
        self.asked.lock().unwrap().iter().map(|question| question.stage).collect()
    }
}

impl Meta for Scripted {
    async fn ask(&self, question: &Question) -> Result<Written, MetaError> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(question.clone());
            asked.iter().filter(|one| one.stage == question.stage).count()
        };
        let usage = Usage { input_tokens: 100, output_tokens: 20, ..Usage::default() };
        (self.script)(question.stage, number).map(|text| Written { text: text.to_owned(), usage })
    }
}

/// Helpful: the line it writes is what the tasks need.
pub fn helpful(stage: Stage, number: usize) -> Result<&'static str, MetaError> {
    Ok(match stage {
        Stage::Digester => r#"Sure! {"category": "wrong_answer", "note": "It forgets to look around."}"#,
        Stage::Planner => r#"{"order": [3, 1, 99, 3]}"#,
        Stage::Evolver if number == 1 => "I would add a line.",
        Stage::Evolver => {
            r#"{"edits": [
                {"changes": [{"op": "insert", "use": "poet/planted", "config": {"line": "look around first"}}], "category": "wrong_answer"},
                {"changes": [{"op": "fly"}], "category": "wrong_answer"},
                {"changes": [{"op": "set", "key": "sampling.seed", "value": 7}], "category": "wrong_answer"},
                {"changes": [{"op": "insert", "use": "ghost/writer"}], "category": "wrong_answer"}]}"#
        }
        Stage::Critic => {
            r#"{"refuse": [{"candidate": "1.02", "reason": "it can only do harm"}, {"candidate": "9.99", "reason": "-"}]}"#
        }
    })
}

fn simulation(paid: &Paid) -> Simulation<'_> {
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, POET]), paid);
    simulation.effects = vec![("planted.line=look around first", 0.55)];
    simulation
}

fn config() -> EvolveConfig {
    EvolveConfig { seed: 7, ..EvolveConfig::default() }
}

fn with(simulation: &Simulation<'_>, ledger: &Memory, meta: &Scripted, config: &EvolveConfig) -> Evolution {
    let client = MetaClient::open(meta, ledger, config).unwrap();
    let critic = AuditCritic::new(["the mug is blue".to_owned()]);
    let stages = MetaStages::new(&client, &config.meta_stages, TraceDigester::of(&simulation.catalogue), critic);
    block_on(evolve(simulation, ledger, config, &initial(), &stages, &still(), &())).unwrap()
}

#[test]
fn a_prompt_the_model_writes_is_found_proven_and_shipped() {
    let (paid, ledger, meta) = (Paid::default(), Memory::default(), Scripted::new(helpful));
    let evolution = with(&simulation(&paid), &ledger, &meta, &config());
    let ship = &evolution.ships[0];
    assert!(ship.text.contains("look around first"), "{}", ship.text);
    assert_eq!(ship.candidate.manifest.category.as_ref().unwrap().name(), "wrong_answer");
    assert!(!ship.candidate.manifest.unlock.is_empty() && !ship.candidate.manifest.signature.is_empty());
    // Nobody else could have written it.
    let alone = run(&simulation(&paid), &Memory::default(), &config()).unwrap();
    assert!(alone.ships.is_empty());
    // The reader's notes are in the landscape, its objection among the reasons, its tokens on the bill.
    assert!(evolution.rounds[0].landscape.clusters[0].notes[0].contains("look around"));
    let objected =
        evolution.refused.iter().any(|refused| refused.reason == "the reviewer objects: it can only do harm");
    assert!(objected, "{:?}", evolution.refused);
    let asked = meta.asked.lock().unwrap().len() as u64;
    assert_eq!(evolution.meter.stages.input_tokens, asked * 100);
    // The first reply of the evolver held no JSON: it was told so, once.
    let again = meta.asked.lock().unwrap().iter().any(|q| q.prompt.contains("it holds no JSON object"));
    assert!(again && BTreeSet::from_iter(meta.stages()) == BTreeSet::from(Stage::ALL));
}

#[test]
fn stages_may_be_mixed_and_a_model_that_fails_is_done_without() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let meta = Scripted::new(helpful);
    let only = EvolveConfig { meta_stages: [Stage::Planner].into(), ..config() };
    with(&simulation(&paid), &ledger, &meta, &only);
    assert!(!meta.stages().is_empty() && meta.stages().iter().all(|stage| *stage == Stage::Planner));
    for script in [
        (|_, _| Err(MetaError::Failed("no server".to_owned()))) as fn(Stage, usize) -> Result<&'static str, MetaError>,
        |_, _| Ok("no"),
        |_, _| Ok("{\"edits\": 3}"),
    ] {
        let (without, failing) = (Memory::default(), Memory::default());
        let plain = run(&simulation(&paid), &without, &config()).unwrap();
        let evolution = with(&simulation(&paid), &failing, &Scripted::new(script), &config());
        assert_eq!((evolution.last, evolution.judged), (plain.last, plain.judged));
        assert_eq!(decisions(&failing), decisions(&without));
    }
}

#[test]
fn budgets_bind_the_model_of_the_stages_too() {
    let paid = Paid::default();
    let meta = Scripted::new(helpful);
    let own = EvolveConfig { meta_tokens: Some(2000), ..config() };
    let evolution = with(&simulation(&paid), &Memory::default(), &meta, &own);
    let used = evolution.meter.stages.input_tokens + evolution.meter.stages.output_tokens;
    assert!(used <= 2000, "{used}");
    let all = EvolveConfig { max_tokens: Some(9000), ..config() };
    let evolution = with(&simulation(&paid), &Memory::default(), &Scripted::new(helpful), &all);
    assert_eq!(evolution.ended, Stop::Tokens);
    assert!(evolution.meter.tokens() <= 9000, "{}", evolution.meter.tokens());
}

#[test]
fn killed_after_any_fact_it_asks_nothing_twice_and_decides_the_same() {
    let (paid, ledger, meta) = (Paid::default(), Memory::default(), Scripted::new(helpful));
    let twin = with(&simulation(&paid), &ledger, &meta, &config());
    let facts = ledger.facts();
    let said = |ledger: &Memory| ledger.all("evolve", "evolve.meta").unwrap().len();
    assert!(said(&ledger) > 3);
    for kept in 0..facts.len() {
        let cut = Memory::default();
        for [run, kind, key, json] in &facts[..kept] {
            cut.put(run, kind, key, &serde_json::from_str(json).unwrap()).unwrap();
        }
        let known = said(&cut);
        // Asked now, the model would say something else where it was not asked before: the script goes by numbers.
        let resumed_meta = Scripted::new(helpful);
        let placeholder = meta.asked.lock().unwrap()[..known].to_vec();
        *resumed_meta.asked.lock().unwrap() = placeholder;
        let resumed = with(&simulation(&paid), &cut, &resumed_meta, &config());
        assert_eq!(resumed_meta.asked.lock().unwrap().len(), meta.asked.lock().unwrap().len(), "after fact {kept}");
        assert_eq!(resumed.last, twin.last, "killed after fact {kept}");
        assert_eq!(decisions(&cut), decisions(&ledger), "killed after fact {kept}");
    }
}

#[test]
fn told_to_stop_while_it_waits_it_goes_on_where_it_was() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let stopped = Scripted::new(|stage, number| match stage {
        Stage::Evolver => Err(MetaError::Stopped),
        other => helpful(other, number),
    });
    assert_eq!(with(&simulation(&paid), &ledger, &stopped, &config()).ended, Stop::Interrupted);
    let evolution = with(&simulation(&paid), &ledger, &Scripted::new(helpful), &config());
    assert!(!evolution.ships.is_empty() && evolution.ended != Stop::Interrupted);
}
