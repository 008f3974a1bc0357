//! Random catalogues, harnesses and edits. Everything is drawn from short lists, so that collisions are common.

use std::collections::BTreeMap;

use harness_abi::{Hook, Kind};
use harness_spec::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

fn field() -> impl Strategy<Value = Field> {
    let types = vec![
        (FieldType::Integer, json!(3)),
        (FieldType::Number, json!(0.5)),
        (FieldType::String, json!("plain")),
        (FieldType::Boolean, json!(true)),
        (FieldType::Array, json!([1, 2])),
        (FieldType::Object, json!({"b": 1, "a": 2})),
        (FieldType::Harness, json!({"tool": [{"use": "p/m6"}], "budget": {"steps": 3}})),
    ];
    (select(types), any::<bool>()).prop_map(|((field_type, default), has_default)| Field {
        field_type,
        default: has_default.then_some(default),
        minimum: (field_type == FieldType::Integer).then_some(0.0),
        maximum: (field_type == FieldType::Integer).then_some(9.0),
        choices: Vec::new(),
        description: String::new(),
        required: false,
        tunable: true,
        variants: Vec::new(),
    })
}

fn module(index: usize) -> impl Strategy<Value = Module> {
    let kind = match index {
        0..6 => Kind::Processor,
        6..8 => Kind::Tool,
        _ => Kind::Model,
    };
    let after: Vec<String> = ["m0", "m1", "m2", "r0"].map(str::to_owned).to_vec();
    (
        option::weighted(0.3, select(vec!["r0", "r1"])),
        select(vec![Order::Normal, Order::Normal, Order::Pre, Order::Post]),
        subsequence(after, 0..2),
        subsequence(Hook::ALL.to_vec(), 1..4),
        btree_map(select(vec!["k0", "k1", "k2"]).prop_map(str::to_owned), field(), 0..4),
    )
        .prop_map(move |(slot, order, after, hooks, config)| {
            let processor = kind == Kind::Processor;
            Module {
                name: format!("m{index}"),
                kind,
                slot: slot.filter(|_| processor).map(str::to_owned),
                dimension: Dimension::D7,
                hooks: if processor { hooks } else { Vec::new() },
                order: if processor { order } else { Order::Normal },
                after: if processor { after } else { Vec::new() },
                summary: String::new(),
                config,
                permissions: Vec::new(),
                needs: Vec::new(),
                provides: if kind == Kind::Model { vec![Capability::Tools] } else { Vec::new() },
                addresses: Vec::new(),
                blocking: false,
                deterministic: false,
                shared: false,
                foreign: false,
            }
        })
}

/// Six processors, two tools, two models in the pack `p`.
pub fn catalogue() -> impl Strategy<Value = Catalogue> {
    let modules: Vec<_> = (0..10).map(|i| module(i).boxed()).collect();
    modules.prop_map(|modules| {
        let version = Version { major: 1, minor: 0, patch: 0 };
        let pack = Pack { name: "p".into(), version, publisher: None, abi: version, description: String::new() };
        let mut catalogue = Catalogue::new();
        catalogue.insert(PackManifest { pack, modules, categories: Vec::new() });
        catalogue
    })
}

fn value() -> impl Strategy<Value = Value> {
    select(vec![
        json!(3),
        json!(3.0),
        json!(5),
        json!(0.5),
        json!(-1.25),
        json!("plain"),
        json!("two\nlines with \"quotes\" and # no comment"),
        json!(""),
        json!(true),
        json!([1, "a", [0.5]]),
        json!({"a": 2, "b": 1}),
        json!({"x y": {"z": []}}),
    ])
}

fn config() -> impl Strategy<Value = Config> {
    btree_map(select(vec!["k0", "k1", "k2"]).prop_map(str::to_owned), value(), 0..3)
}

fn reference(range: std::ops::Range<usize>) -> impl Strategy<Value = ModuleRef> {
    (range, option::weighted(0.2, Just(Version { major: 1, minor: 0, patch: 0 })))
        .prop_map(|(index, version)| ModuleRef { pack: "p".into(), module: format!("m{index}"), version })
}

fn id() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c", "d", "m0", "m1", "m2"]).prop_map(str::to_owned)
}

fn modules(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<ModuleSpec>> {
    vec((id(), reference(range), config()), 0..6).prop_map(|items| {
        let mut list: Vec<ModuleSpec> = Vec::new();
        for (id, module, config) in items {
            if list.iter().all(|other| other.id != id) {
                list.push(ModuleSpec { id, module, config });
            }
        }
        list
    })
}

fn model() -> impl Strategy<Value = ModelSpec> {
    let fallback = (reference(8..10), config()).prop_map(|(module, config)| Fallback { module, config });
    (reference(8..10), config(), vec(fallback, 0..3)).prop_map(|(module, config, fallbacks)| ModelSpec {
        module,
        config,
        fallbacks,
    })
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![Just(Position::First), Just(Position::Last), id().prop_map(Position::After)]
}

fn setting() -> impl Strategy<Value = (Setting, Option<Value>)> {
    select(vec![
        (Setting::Action, Some(json!("tool"))),
        (Setting::Action, None),
        (Setting::Temperature, Some(json!(0.7))),
        (Setting::Temperature, Some(json!(1))),
        (Setting::TopP, Some(json!(0.9))),
        (Setting::MaxTokens, Some(json!(64))),
        (Setting::Seed, Some(json!(7))),
        (Setting::Seed, None),
        (Setting::Steps, Some(json!(9))),
        (Setting::Tokens, Some(json!(1000))),
        (Setting::Cost, Some(json!(0))),
        (Setting::Seconds, None),
    ])
}

/// A change, applicable or not.
pub fn change() -> impl Strategy<Value = Change> {
    let place = || select(Place::all().to_vec());
    let key = || select(vec!["k0", "k1"]).prop_map(str::to_owned);
    prop_oneof![
        3 => (place(), option::of(id()), config(), position(), 0..6usize, 6..8usize).prop_map(|(place, id, config, at, p, t)| {
            let index = if place == Place::Tool { t } else { p };
            let module = ModuleRef { pack: "p".into(), module: format!("m{index}"), version: None };
            Change::Insert { place, module, id, config, at }
        }),
        2 => (place(), id()).prop_map(|(place, id)| Change::Remove { place, id }),
        2 => (place(), id(), reference(0..8), config())
            .prop_map(|(place, id, module, config)| Change::Replace { place, id, module, config }),
        2 => (place(), id(), position()).prop_map(|(place, id, at)| Change::Move { place, id, at }),
        3 => (place(), id(), key(), option::of(value()))
            .prop_map(|(place, id, key, value)| Change::Configure { place, id, key, value }),
        1 => (select(vec!["main", "meta"]), option::of(model()))
            .prop_map(|(role, model)| Change::Model { role: role.to_owned(), model }),
        2 => setting().prop_map(|(key, value)| Change::Set { key, value }),
    ]
}

fn rule() -> impl Strategy<Value = AdaptRule> {
    let when = select(vec![
        Condition::LoopDetected(3),
        Condition::ToolErrors(2),
        Condition::NoProgress(5),
        Condition::ParseFailures(1),
        Condition::BudgetShare(0.5),
        Condition::BudgetShare(1.0),
    ]);
    (option::of(id()), when, vec(change(), 1..3), any::<bool>()).prop_map(|(id, when, apply, once)| AdaptRule {
        id: id.unwrap_or_else(|| when.name().to_owned()),
        when,
        apply,
        once,
    })
}

/// A harness with unique ids; whether it fits a catalogue is left to chance.
pub fn harness() -> impl Strategy<Value = Harness> {
    (
        btree_map(select(vec!["main", "meta", "judge"]).prop_map(str::to_owned), model(), 0..3),
        modules(0..6),
        modules(6..8),
        vec(setting(), 0..4),
        vec(rule(), 0..3),
    )
        .prop_map(|(models, processors, tools, settings, rules)| {
            let mut adapt: Vec<AdaptRule> = Vec::new();
            for rule in rules {
                if adapt.iter().all(|other| other.id != rule.id) {
                    adapt.push(rule);
                }
            }
            let mut harness = Harness { models, processors, tools, adapt, ..Harness::default() };
            for (key, value) in settings {
                key.write(&mut harness, value.as_ref()).unwrap();
            }
            harness
        })
}

/// A harness that passes `check` against the catalogue: modules of distinct slots, config drawn from the fields themselves.
pub fn well_typed(catalogue: &Catalogue, mut harness: Harness) -> Option<Harness> {
    harness.models.insert(
        "main".into(),
        ModelSpec { module: "p/m8".parse().unwrap(), config: Config::new(), fallbacks: Vec::new() },
    );
    harness.adapt.clear();
    for list in [&mut harness.processors, &mut harness.tools] {
        for spec in list.iter_mut() {
            fit(catalogue, spec);
        }
    }
    for model in harness.models.values_mut() {
        model.fallbacks.clear();
        model.config.clear();
    }
    let mut slots = BTreeMap::new();
    harness.processors.retain(|spec| {
        let slot = catalogue.lookup(&spec.module).unwrap().module.slot.clone();
        slot.is_none_or(|slot| slots.insert(slot, ()).is_none())
    });
    check(&harness, catalogue).is_ok().then_some(harness)
}

/// Drops config values the module's fields refuse.
pub fn fit(catalogue: &Catalogue, spec: &mut ModuleSpec) {
    let fields = &catalogue.lookup(&spec.module).unwrap().module.config;
    spec.config.retain(|key, value| fields.get(key).is_some_and(|field| field.accepts(value).is_ok()));
}

/// Those of the wishes that apply, one after another, as an edit; and some rule operations.
pub fn edit() -> impl Strategy<Value = (Vec<Change>, Vec<(Index, AdaptRule)>)> {
    (vec(change(), 1..6), vec((any::<Index>(), rule()), 0..2))
}

/// The edit those wishes are against a harness.
pub fn resolve(harness: &Harness, (changes, rules): &(Vec<Change>, Vec<(Index, AdaptRule)>)) -> Edit {
    let mut ops = Vec::new();
    let mut now = harness.clone();
    let mut take = |op: Op, now: &mut Harness| {
        if let Ok(next) = Edit(vec![op.clone()]).apply(now) {
            ops.push(op);
            *now = next;
        }
    };
    for change in changes {
        if let Ok(op) = change.resolve(&now) {
            take(op, &mut now);
        }
    }
    for (index, rule) in rules {
        let before = |list: &[AdaptRule], at: usize| at.checked_sub(1).map(|i| list[i].id.clone());
        match now.adapt.iter().position(|other| other.id == rule.id) {
            Some(_) => take(Change::Unadapt { id: rule.id.clone() }.resolve(&now).unwrap(), &mut now),
            None if index.index(2) == 0 => take(Change::Adapt { rule: rule.clone() }.resolve(&now).unwrap(), &mut now),
            None => {
                let after = before(&now.adapt, index.index(now.adapt.len() + 1));
                take(Op::InsertRule { after, rule: rule.clone() }, &mut now);
            }
        }
    }
    Edit(ops)
}
