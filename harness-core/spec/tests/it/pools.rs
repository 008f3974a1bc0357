//! The laws of variants: two forms of one value, one id for equal ones, and ▲ an edit of one leaves every other as it is.

use harness_spec::*;
use proptest::prelude::*;

use crate::generate::{catalogue, edit, harness, resolve, well_typed};

fn cell() -> impl Strategy<Value = Cell> {
    let some =
        |words: &'static [&'static str]| proptest::option::of(proptest::sample::select(words).prop_map(str::to_owned));
    (some(&["house", "calls"]), some(&["pick", "cool"]), some(&["mug", "fridge"]))
        .prop_map(|(suite, kind, word)| Cell { suite, kind, word })
}

fn pool() -> impl Strategy<Value = Pool> {
    let variants = proptest::collection::btree_map("[a-d]", harness(), 1..4);
    (variants, proptest::collection::vec((cell(), any::<prop::sample::Index>()), 0..4), any::<prop::sample::Index>())
        .prop_map(|(variants, routes, fallback)| {
            let names: Vec<String> = variants.keys().cloned().collect();
            let routes = routes.into_iter().map(|(when, to)| Route { when, to: to.get(&names).clone() }).collect();
            Pool { fallback: fallback.get(&names).clone(), routes, variants }
        })
}

/// What the file says of one variant: its tables, in order.
fn section(text: &str, name: &str) -> String {
    let (mut kept, mut inside) = (String::new(), false);
    for line in text.lines() {
        if line.starts_with('[') {
            let header = line.trim_matches(['[', ']']);
            let head: Vec<&str> = header.split('.').collect();
            inside = head.len() > 1 && head[0] == "variant" && head[1] == name;
        }
        if inside && !line.is_empty() {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_and_its_file_are_one_value(pool in pool()) {
        let text = pool.to_toml().unwrap();
        let again = Pool::parse(&text).unwrap();
        prop_assert_eq!(&again, &pool, "{}", text);
        prop_assert_eq!(again.to_toml().unwrap(), text);
    }

    #[test]
    fn editing_one_variant_leaves_every_other_byte_for_byte(
        pool in pool(), catalogue in catalogue(), wishes in edit(), which in any::<prop::sample::Index>()
    ) {
        let names: Vec<String> = pool.variants.keys().cloned().collect();
        let name = which.get(&names);
        let Some(old) = well_typed(&catalogue, pool.variants[name].clone()) else { return Ok(()) };
        let mut pool = pool;
        pool.variants.insert(name.clone(), old.clone());
        let Ok(edited) = pool.edited(name, &resolve(&old, &wishes), &catalogue) else { return Ok(()) };
        prop_assert_eq!(&edited.routes, &pool.routes);
        prop_assert_eq!(&edited.fallback, &pool.fallback);
        let (before, after) = (pool.to_toml().unwrap(), edited.to_toml().unwrap());
        for other in names.iter().filter(|other| *other != name) {
            prop_assert_eq!(edited.variants[other].variant_id(&catalogue), pool.variants[other].variant_id(&catalogue));
            prop_assert_eq!(edited.variants[other].to_toml().unwrap(), pool.variants[other].to_toml().unwrap());
            prop_assert_eq!(section(&after, other), section(&before, other));
        }
        let changed = edited.variants[name].variant_id(&catalogue) != old.variant_id(&catalogue);
        prop_assert_eq!(edited.id(&catalogue) != pool.id(&catalogue), changed);
    }

    #[test]
    fn a_fork_takes_its_cell_and_nothing_else(pool in pool(), when in cell(), new in harness(), task in cell()) {
        let features = Features {
            suite: task.suite.unwrap_or_default(),
            kind: task.kind.unwrap_or_default(),
            text: format!("Find the {}.", task.word.unwrap_or_default()),
        };
        let forked = pool.forked("z", new.clone(), when.clone());
        if when.holds(&features) {
            prop_assert_eq!(forked.variant_for(&features), Some(&new));
        } else {
            prop_assert_eq!(forked.variant_for(&features), pool.variant_for(&features));
            let moved = forked.with_fallback("z", &[(Cell { suite: Some(features.suite.clone()), ..Cell::default() }, features.clone())]);
            prop_assert_eq!(moved.variant_for(&features), pool.variant_for(&features));
            let back = forked.retired("z").unwrap();
            prop_assert_eq!(back.variant_for(&features), pool.variant_for(&features));
        }
    }
}

#[test]
fn one_harness_is_a_pool_of_one() {
    let text = "action = \"tool\"\n\n[budget]\nsteps = 3\n";
    let (pool, harness) = (Pool::parse(text).unwrap(), Harness::parse(text).unwrap());
    assert_eq!(pool.single(), Some(&harness));
    assert_eq!(pool.to_toml().unwrap(), harness.to_toml().unwrap());
    let catalogue = Catalogue::new();
    assert_eq!(pool.id(&catalogue), harness.variant_id(&catalogue));
}

#[test]
fn names_that_are_not_there_are_refused() {
    let text = "fallback = \"a\"\n[[route]]\nsuite = \"x\"\nto = \"b\"\n[variant.a]\naction = \"tool\"\n";
    let error = Pool::parse(text).unwrap_err().to_string();
    assert!(error.contains("the route of suite x names the variant `b`, which is not there; there are: a"), "{error}");
    let error = Harness::parse(text).unwrap_err().to_string();
    assert!(error.contains("holds variants"), "{error}");
    assert!(Pool::parse(text).is_err());
    let pool = Pool::parse(&text.replace("to = \"b\"", "to = \"a\"")).unwrap();
    assert_eq!(pool.retired("a"), Err(PoolError::Fallback("a".to_owned())));
}
