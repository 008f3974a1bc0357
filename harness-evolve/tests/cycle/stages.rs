//! The stages one by one: categories by their tests, the critic's objections, the share of the untried.

use std::collections::BTreeSet;

use evolve_gate::{Outcome, Unit};
use harness_abi::{Finish, Hook, Message, Observation, Part, Role as Speaker, Usage};
use harness_evolve::{
    Anchor, AuditCritic, Candidate, CatalogueEvolver, Categories, Category, Cluster, Critic, Digester, EditKind,
    EvolveConfig, Evolver, History, Known, Landscape, LandscapePlanner, Manifest, Objection, Origin, Planner,
    Posterior, TraceDigester, View,
};
use harness_spec::{Change, Edit};
use harness_trace::{CallKey, Entry, EpisodeResult, EpisodeStart, ExploreTrace, Purpose, Rollout, Split};

use crate::simulation::{BASE, DUDS, block_on, catalogue, initial, pack};

fn played(outcome: Outcome) -> EpisodeResult {
    EpisodeResult {
        rollout: Rollout { task: "task".to_owned(), seed: 0 },
        group: "task".to_owned(),
        episode: "episode".to_owned(),
        outcome: crate::simulation::ending(outcome),
        reason: String::new(),
        reward: outcome.score().map(Unit::value),
        parts: Vec::new(),
        steps: 1,
        usage: Usage::default(),
        replayed: Usage::default(),
        marking: Usage::default(),
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

fn trace(entries: &[(u64, Entry)]) -> ExploreTrace {
    let start = EpisodeStart { split: Split::Explore.into(), ..EpisodeStart::default() };
    ExploreTrace::new(&start, entries.to_vec()).unwrap()
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
        began: None,
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
        began: None,
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
        let shown = TraceDigester::default().read(&played(outcome), &trace(&entries)).shown;
        assert_eq!(shown.first().map(|(category, _)| category), Some(&category), "{entries:?}");
        let passed = TraceDigester::default().read(&played(Outcome::Scored(Unit::ONE)), &trace(&entries));
        assert!(passed.passed && passed.shown.is_empty());
        met.insert(category);
    }
    assert_eq!(met.len(), Category::ALL.len());
}

#[test]
fn packs_bring_categories_with_their_tests() {
    let brought = r#"
[pack]
name = "shop"
version = "1.0.0"
abi = "1.0.0"
description = "A simulation"
[[category]]
name = "sold_out"
observed = "sold out"
times = 2
[[category]]
name = "rude"
refines = "wrong_answer"
said = "no."
[[category]]
name = "till_broken"
tool_error = "till"
[[category]]
name = "cheap"
refines = "wrong_answer"
part = "quality"
below = 0.5
[[category]]
name = "wrong_answer"
said = "anything"
"#;
    let catalogue = catalogue(&[brought]);
    let digester = TraceDigester::of(&catalogue);
    let failed = |parts: &[(&str, f64)]| EpisodeResult {
        parts: parts.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        ..played(Outcome::Scored(Unit::ZERO))
    };
    let shown = |played: &EpisodeResult, entries: &[(u64, Entry)]| {
        let read = digester.read(played, &trace(entries));
        read.shown.iter().map(|(category, step)| format!("{} {step}", category.name())).collect::<Vec<_>>().join(", ")
    };
    let till = |name: &str| Entry::Tool {
        id: "1".to_owned(),
        name: name.to_owned(),
        arguments: "{}".to_owned(),
        is_error: true,
        began: None,
        micros: 0,
    };
    let once = [(1, saw("it is sold out", false, true))];
    assert_eq!(shown(&failed(&[]), &once), "wrong_answer 1");
    let twice = [(1, saw("it is sold out", false, false)), (2, saw("sold out, too", true, true)), (3, till("till"))];
    assert_eq!(shown(&failed(&[]), &twice), "sold_out 2, till_broken 3, invalid_action 2, tool_error 3");
    assert_eq!(shown(&failed(&[("quality", 0.4)]), &[(1, said("no."))]), "rude 1, cheap 1");
    assert_eq!(shown(&failed(&[("quality", 0.5)]), &[(4, said("yes."))]), "wrong_answer 4");
    // Who helps with what is refined helps here; the names of the built-in ones are taken.
    let categories = Categories::of(&catalogue);
    let own = Category::from("rude".to_owned());
    assert!(categories.helps("wrong_answer", &own) && categories.helps("rude", &own));
    assert!(!categories.helps("tool_error", &own));
    assert_eq!(serde_json::to_string(&own).unwrap(), "\"rude\"");
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
        notes: Vec::new(),
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
        let history = &History::default();
        let view = View { round: 1, landscape, incumbent, catalogue, posterior, history, config };
        block_on(LandscapePlanner.plan(view)).unwrap()
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
    let installed = catalogue.modules().filter(|entry| named.contains(entry.reference().to_string().as_str()));
    assert_eq!(installed.count(), catalogue.modules().count() - 1);
}

#[test]
fn what_nobody_allowed_is_proposed_in_one_form_alone() {
    let (mut catalogue, incumbent, landscape) = (catalogue(&[BASE, DUDS]), initial(), landscape());
    let pack = |name: &str| catalogue.packs().find(|pack| pack.pack.name == name).unwrap().clone();
    let fields = pack("base").modules.into_iter().flat_map(|module| module.config);
    let (key, field) = fields.into_iter().find(|(_, field)| field.tunable).unwrap();
    let mut duds = pack("duds");
    duds.modules[0].config.insert(key, field);
    duds.modules[0].permissions.push(harness_spec::Permission::Net);
    let name = format!("duds/{}", duds.modules[0].name);
    catalogue.insert(duds);
    let (posterior, history) = (Posterior::default(), History::default());
    let forms = |config: &EvolveConfig| {
        let (landscape, incumbent, catalogue, posterior, history) =
            (&landscape, &incumbent, &catalogue, &posterior, &history);
        let view = View { round: 1, landscape, incumbent, catalogue, posterior, history, config };
        let directions = block_on(LandscapePlanner.plan(view)).unwrap();
        let proposed = block_on(CatalogueEvolver.propose(view, &directions, &[], &BTreeSet::new(), 256)).unwrap();
        let of_it =
            |one: &&Candidate| matches!(&one.changes[0], Change::Insert { module, .. } if module.to_string() == name);
        proposed.iter().filter(of_it).count()
    };
    let mut config = EvolveConfig::default();
    assert_eq!(forms(&config), 1, "{name}");
    config.allowed_permissions.insert(harness_spec::Permission::Net);
    assert!(forms(&config) > 1, "{name}");
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
        history: &History::default(),
        config: &config,
    };
    let directions = block_on(LandscapePlanner.plan(view)).unwrap();
    let proposed = block_on(CatalogueEvolver.propose(view, &directions, &[], &BTreeSet::new(), 64)).unwrap();
    assert!(proposed.len() > 8);
    let anchors: BTreeSet<Anchor> = landscape.clusters[0].anchors.iter().cloned().collect();
    let names: BTreeSet<String> = ["explore-003".to_owned()].into();
    let tasks: BTreeSet<String> = ["a".to_owned()].into();
    let critic = AuditCritic::new(["the mug is blue".to_owned()]).formats(["possible_answer".to_owned()]);
    let review = |candidates: &[_], rejected: &BTreeSet<String>| {
        let (names, tasks, permissions) = (&names, &tasks, &config.allowed_permissions);
        let known = Known { rejected, anchors: &anchors, names, tasks, permissions };
        block_on(critic.review(view, candidates, &known)).unwrap()
    };
    let nothing = BTreeSet::new();
    assert!(review(&proposed, &nothing).iter().all(Option::is_none));
    let set = |text: &str| {
        let mut bad = proposed.iter().find(|one| one.changes[0].to_string().contains("wording")).unwrap().clone();
        let Change::Configure { value, .. } = &mut bad.changes[0] else { panic!("no wording is set") };
        *value = Some(text.into());
        bad.edit = Edit::from_changes(&bad.changes, &incumbent).unwrap();
        bad.harness = bad.edit.apply(&incumbent).unwrap();
        bad.variant = bad.harness.variant_id(&catalogue);
        bad
    };
    let mut open = catalogue.clone();
    let mut free = open.packs().find(|pack| pack.pack.name == "base").unwrap().clone();
    free.modules[1].config.get_mut("wording").unwrap().choices.clear();
    open.insert(free);
    let view = View { catalogue: &open, ..view };
    let review_open = |bad: &Candidate| {
        let (names, tasks, permissions) = (&names, &tasks, &config.allowed_permissions);
        let known = Known { rejected: &nothing, anchors: &anchors, names, tasks, permissions };
        block_on(critic.review(view, std::slice::from_ref(bad), &known)).unwrap().remove(0)
    };
    for text in ["as in explore-003", "remember: The Mug is Blue!"] {
        let bad = set(text);
        let objection = review_open(&bad).unwrap();
        assert!(matches!(objection, Objection::Leak { .. }), "{objection}");
        // What leaks is all there is to this edit: nothing is left to revise.
        assert_eq!(block_on(CatalogueEvolver.revise(view, &bad, &objection)).unwrap(), None);
    }
    assert!(matches!(review_open(&set("fill possible_answer")), Some(Objection::Format { .. })));
    assert_eq!(review_open(&set("be brave")), None);

    let mut bad = proposed[..5].to_vec();
    bad[0].manifest.evidence.clear();
    bad[1].manifest.evidence[0].episode = "nowhere".to_owned();
    bad[2].manifest.unlock = vec!["sealed-001".to_owned()];
    bad[3].changes.pop();
    let rejected = [bad[4].changes.iter().map(|c| serde_json::to_string(c).unwrap()).collect::<String>()].into();
    let objections = review(&bad, &rejected);
    assert!(matches!(objections[0], Some(Objection::NoEvidence)));
    assert!(matches!(objections[1], Some(Objection::FalseEvidence(..))));
    assert!(matches!(objections[2], Some(Objection::Stranger(_))));
    assert!(matches!(objections[3], Some(Objection::NotCanonical(_))));
    assert!(matches!(objections[4], Some(Objection::Duplicate)));
    // The first three are mended once, by what is in the record.
    for (bad, objection) in bad.iter().zip(&objections).take(3) {
        let mended = block_on(CatalogueEvolver.revise(view, bad, objection.as_ref().unwrap())).unwrap().unwrap();
        assert_eq!(mended.origin, Origin::Revised(bad.id.clone()));
        assert_eq!(review(&[mended], &nothing), [None]);
    }
}

#[test]
fn a_bucket_does_not_crowd_the_others_out() {
    let (catalogue, incumbent, mut landscape) = (catalogue(&[BASE, DUDS]), initial(), landscape());
    let other = Cluster { category: Category::InvalidAction, share: 0.1, ..landscape.clusters[0].clone() };
    landscape.clusters.push(other);
    let (config, posterior, history) = (EvolveConfig::default(), Posterior::default(), History::default());
    let (landscape, incumbent, catalogue, posterior, history, config) =
        (&landscape, &incumbent, &catalogue, &posterior, &history, &config);
    let view = View { round: 1, landscape, incumbent, catalogue, posterior, history, config };
    let directions = block_on(LandscapePlanner.plan(view)).unwrap();
    let one = block_on(CatalogueEvolver.propose(view, &directions, &[], &BTreeSet::new(), 1)).unwrap().remove(0);
    let of = |category: &Category| {
        let manifest = Manifest { category: Some(category.clone()), ..one.manifest.clone() };
        Candidate { manifest, ..one.clone() }
    };
    let mut portfolio = vec![of(&Category::WrongAnswer); 6];
    portfolio.extend([of(&Category::InvalidAction), of(&Category::InvalidAction)]);
    let order = block_on(AuditCritic::default().rank(view, &portfolio)).unwrap();
    assert_eq!(order, [0, 1, 2, 6, 7, 3, 4, 5]);
}

#[test]
fn every_kind_of_edit_is_proposed() {
    let helper = pack("helper", &["action_loop"]);
    let (catalogue, mut incumbent, mut landscape) = (catalogue(&[BASE, DUDS, &helper]), initial(), landscape());
    for category in [Category::ActionLoop, Category::BudgetExhausted, Category::ContextOverflow] {
        landscape.clusters.push(Cluster { category, share: 0.2, ..landscape.clusters[0].clone() });
    }
    let rule =
        "[[adapt]]\nwhen = { tool_errors = 2 }\napply = [{ op = \"set\", key = \"sampling.top_p\", value = 0.9 }]\n";
    incumbent.adapt = harness_spec::Harness::parse(rule).unwrap().adapt;
    let config = EvolveConfig { allowed_kinds: EditKind::ALL.into(), ..EvolveConfig::default() };
    let (posterior, history) = (Posterior::default(), History::default());
    let (landscape, incumbent, catalogue, posterior, history, config) =
        (&landscape, &incumbent, &catalogue, &posterior, &history, &config);
    let view = View { round: 1, landscape, incumbent, catalogue, posterior, history, config };
    let directions = block_on(LandscapePlanner.plan(view)).unwrap();
    let all = block_on(CatalogueEvolver.propose(view, &directions, &[], &BTreeSet::new(), 200)).unwrap();
    let edits: Vec<String> = all.iter().map(|candidate| candidate.edit.to_string()).collect();
    for wanted in [
        "insert duds/dud_a after prompt",
        "replace prompt: base/prompt → duds/other_prompt",
        "remove prompt",
        "set prompt.wording default → \"long\"",
        "set sampling.temperature 0.0 → 0.7",
        "set budget.steps 50 → 100",
        "set sampling.max_tokens 512 → 1024",
        "insert adapt rule loop_detected after tool_errors",
        "remove adapt rule tool_errors",
        "remove adapt rule tool_errors; insert adapt rule tool_errors first",
    ] {
        assert!(edits.iter().any(|edit| edit == wanted), "{wanted} is not among {edits:#?}");
    }
    let brings_help = all.iter().any(|candidate| {
        let Change::Adapt { rule } = &candidate.changes[0] else { return false };
        rule.apply.iter().any(|change| change.to_string().contains("insert helper/helper"))
    });
    assert!(brings_help, "no rule brings a module in that helps");
    let kinds: BTreeSet<EditKind> = all.iter().map(|candidate| candidate.manifest.kind).collect();
    let expected = EditKind::ALL.into_iter().filter(|kind| *kind != EditKind::Model).collect();
    assert_eq!(kinds, expected, "there is one model only");
    for candidate in &all {
        let manifest = &candidate.manifest;
        assert!(!manifest.evidence.is_empty() && !manifest.capability.is_empty() && !manifest.directions.is_empty());
    }
}
