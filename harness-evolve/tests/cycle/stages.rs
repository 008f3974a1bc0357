//! The stages one by one: categories by their tests, the critic's objections, the share of the untried.

use std::collections::BTreeSet;

use evolve_gate::{Outcome, Unit};
use harness_abi::{Finish, Hook, Message, Observation, Part, Role as Speaker, Usage};
use harness_evolve::{
    Anchor, AuditCritic, CatalogueEvolver, Category, Cluster, Critic, EvolveConfig, Evolver, Known, Landscape,
    LandscapePlanner, Objection, Planner, Played, Posterior, Rollout, View, classify,
};
use harness_spec::{Change, Place};
use harness_trace::{CallKey, Entry, Purpose};

use crate::world::{BASE, DUDS, block_on, catalogue, initial, pack};

fn played(outcome: Outcome) -> Played {
    Played {
        rollout: Rollout { task: "task".to_owned(), seed: 0 },
        group: "task".to_owned(),
        episode: "episode".to_owned(),
        outcome,
        reward: 0.0,
        parts: Vec::new(),
        steps: 1,
        usage: Usage::default(),
        replayed: Usage::default(),
        micros: 0,
        remembered: false,
    }
}

fn said(text: &str) -> Entry {
    Entry::Message { message: Message::assistant(text) }
}

fn saw(text: &str, invalid: bool, done: bool) -> Entry {
    Entry::Observed { observation: Observation { text: text.to_owned(), invalid, done, ..Observation::default() } }
}

#[test]
fn every_category_has_its_trace() {
    let task = || (0, Entry::Message { message: Message::user("find the mug") });
    let steps = |all: &[(&str, &str)]| -> Vec<(u64, Entry)> {
        let turn = |(step, (action, answer)): (usize, &(&str, &str))| {
            [(step as u64 + 1, said(action)), (step as u64 + 1, saw(answer, false, false))]
        };
        std::iter::once(task()).chain(all.iter().enumerate().flat_map(turn)).collect()
    };
    let chat = |finish| Entry::Chat {
        role: "main".to_owned(),
        key: CallKey([0; 32]),
        purpose: Purpose::Step,
        finish,
        usage: Usage::default(),
        micros: 0,
        replayed: false,
    };
    let fault = |class: &str| Entry::Fault {
        hook: Some(Hook::BeforeModel),
        module: "router".to_owned(),
        class: class.to_owned(),
        message: String::new(),
    };
    let tool = |is_error| Entry::Tool {
        id: "1".to_owned(),
        name: "t".to_owned(),
        arguments: "{}".to_owned(),
        is_error,
        micros: 0,
    };
    let call = |arguments: &str| Entry::Message {
        message: Message::new(Speaker::Assistant, [Part::tool_call("1", "t", arguments)]),
    };
    let cut = Entry::Edited { start: 0, end: 1, with: vec![Message::user("go on")] };
    let zero = Outcome::Scored(Unit::ZERO);
    let mut stale = vec![("a", "room"), ("b", "room")];
    stale.extend([("c", "room"), ("d", "room"), ("e", "room"), ("f", "room"), ("g", "room")]);
    let cases = [
        (Category::ModuleFault, Outcome::Fault, vec![task(), (1, fault("fault"))]),
        (Category::ContextOverflow, zero, vec![task(), (1, fault("input"))]),
        (Category::ContextOverflow, zero, vec![task(), (1, chat(Finish::LENGTH))]),
        (Category::MalformedCall, zero, vec![task(), (1, call("{\"a\": "))]),
        (Category::InvalidAction, zero, vec![task(), (1, said("fly")), (1, saw("what?", true, true))]),
        (Category::ActionLoop, zero, steps(&[("look", "room"), ("look", "room"), ("look", "room")])),
        (Category::ToolError, zero, vec![task(), (1, tool(true))]),
        (Category::LostGoal, zero, vec![task(), (1, cut)]),
        (Category::NoProgress, zero, steps(&stale)),
        (Category::BudgetExhausted, Outcome::BudgetSpent, vec![task()]),
        (Category::PrematureFinish, zero, steps(&[("look", "room")])),
        (Category::WrongAnswer, zero, vec![task(), (1, call("{}")), (1, chat(Finish::STOP)), (1, tool(false))]),
    ];
    let mut met = BTreeSet::new();
    for (category, outcome, entries) in cases {
        let shown = classify(&played(outcome), &entries);
        assert_eq!(shown.first().map(|(category, _)| *category), Some(category), "{entries:?}");
        assert!(classify(&played(Outcome::Scored(Unit::ONE)), &entries).is_empty());
        met.insert(category);
    }
    assert_eq!(met.len(), Category::ALL.len());
}

fn landscape() -> Landscape {
    let anchors = vec![Anchor { episode: "episode".to_owned(), step: 1 }];
    let cluster = Cluster {
        category: Category::WrongAnswer,
        tasks: vec!["a".to_owned()],
        share: 0.5,
        regressed: 0,
        anchors,
        modules: Vec::new(),
    };
    Landscape { tasks: 2, passed: 1, clusters: vec![cluster] }
}

#[test]
fn a_share_of_directions_is_untried_whatever_claims_the_others_make() {
    let strangers: Vec<String> = (0..9).map(|k| pack(&format!("stranger{k}"), &[])).collect();
    let packs: Vec<&str> = [BASE, DUDS].into_iter().chain(strangers.iter().map(String::as_str)).collect();
    let (catalogue, incumbent, landscape) = (catalogue(&packs), initial(), landscape());
    let config = EvolveConfig::default();
    let plan = |posterior: &Posterior| {
        let (landscape, incumbent, catalogue, config) = (&landscape, &incumbent, &catalogue, &config);
        block_on(LandscapePlanner.plan(View { round: 1, landscape, incumbent, catalogue, posterior, config })).unwrap()
    };
    let mut posterior = Posterior::default();
    let directions = plan(&posterior);
    assert_eq!(directions[0].module, "duds/dud_a", "the one that claims what is needed comes first");
    // Disappointed often, it falls behind; the untried keep their share.
    (0..20).for_each(|_| posterior.count("duds/dud_a", "wrong_answer", 0.0, 1.0));
    let directions = plan(&posterior);
    assert_ne!(directions[0].module, "duds/dud_a");
    let untried = directions.iter().take(6).filter(|direction| direction.untried).count();
    assert!(untried >= 2, "{directions:?}");
    // Every processor and tool of the catalogue is met sooner or later.
    let named: BTreeSet<&str> = directions.iter().map(|direction| direction.module.as_str()).collect();
    assert_eq!(named.len(), catalogue.modules().count() - 1);
}

#[test]
fn the_critic_refuses_duplicates_missing_evidence_and_leaks() {
    let (catalogue, incumbent, landscape) = (catalogue(&[BASE, DUDS]), initial(), landscape());
    let (config, posterior) = (EvolveConfig::default(), Posterior::default());
    let view = View {
        round: 1,
        landscape: &landscape,
        incumbent: &incumbent,
        catalogue: &catalogue,
        posterior: &posterior,
        config: &config,
    };
    let directions = block_on(LandscapePlanner.plan(view)).unwrap();
    let proposed = block_on(CatalogueEvolver.propose(view, &directions, &[], &BTreeSet::new(), 64)).unwrap();
    assert!(proposed.len() > 8);
    let anchors: BTreeSet<Anchor> = landscape.clusters[0].anchors.iter().cloned().collect();
    let names: BTreeSet<String> = ["explore-003".to_owned()].into();
    let critic = AuditCritic::new(["the mug is blue".to_owned()]);
    let review = |candidates: &[_], rejected: &BTreeSet<String>| {
        let known = Known { rejected, anchors: &anchors, names: &names };
        block_on(critic.review(view, candidates, &known)).unwrap()
    };
    let nothing = BTreeSet::new();
    assert!(review(&proposed, &nothing).iter().all(Option::is_none));
    let mut bad = proposed[..5].to_vec();
    bad[0].manifest.evidence.clear();
    bad[1].manifest.evidence[0].episode = "nowhere".to_owned();
    let wording = |text: &str| Change::Configure {
        place: Place::Processor,
        id: "prompt".to_owned(),
        key: "wording".to_owned(),
        value: Some(text.into()),
    };
    bad[2].changes = vec![wording("as in explore-003")];
    bad[3].changes = vec![wording("remember: The Mug is Blue!")];
    let rejected = [bad[4].changes.iter().map(|c| serde_json::to_string(c).unwrap()).collect::<String>()].into();
    let objections = review(&bad, &rejected);
    assert!(matches!(objections[0], Some(Objection::NoEvidence)));
    assert!(matches!(objections[1], Some(Objection::FalseEvidence(_))));
    assert!(matches!(objections[2], Some(Objection::Leak { .. })));
    assert!(matches!(objections[3], Some(Objection::Leak { .. })));
    assert!(matches!(objections[4], Some(Objection::Duplicate)));
}
