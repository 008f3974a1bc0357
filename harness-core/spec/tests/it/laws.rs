//! The laws of the algebra and of the two forms, over random harnesses.

use harness_abi::Hook;
use harness_spec::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::generate::{catalogue, change, edit, fit, harness, resolve, well_typed};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn identity_and_inverse(h in harness(), wishes in edit()) {
        prop_assert_eq!(&Edit::IDENTITY.apply(&h).unwrap(), &h);
        let edit = resolve(&h, &wishes);
        let there = edit.apply(&h).unwrap();
        prop_assert_eq!(&edit.invert().apply(&there).unwrap(), &h);
        prop_assert_eq!(edit.invert().invert(), edit.clone());
        prop_assert_eq!(&edit.compose(&edit.invert()).apply(&h).unwrap(), &h);
    }

    #[test]
    fn composition_is_associative(h in harness(), x in edit(), y in edit(), z in edit()) {
        let a = resolve(&h, &x);
        let after_a = a.apply(&h).unwrap();
        let b = resolve(&after_a, &y);
        let after_b = b.apply(&after_a).unwrap();
        let c = resolve(&after_b, &z);
        let end = c.apply(&after_b).unwrap();
        prop_assert_eq!(&a.compose(&b).compose(&c).apply(&h).unwrap(), &end);
        prop_assert_eq!(&a.compose(&b.compose(&c)).apply(&h).unwrap(), &end);
        prop_assert_eq!(a.compose(&b).compose(&c), a.compose(&b.compose(&c)));
        prop_assert_eq!(Edit::IDENTITY.compose(&a), a.compose(&Edit::IDENTITY));
    }

    #[test]
    fn disjoint_edits_commute(h in harness(), x in change(), y in edit()) {
        let a = resolve(&h, &(vec![x], Vec::new()));
        let b = resolve(&h, &y);
        prop_assert_eq!(a.is_disjoint(&b), b.is_disjoint(&a));
        if a.is_disjoint(&b) {
            let ab = b.apply(&a.apply(&h).unwrap());
            let ba = a.apply(&b.apply(&h).unwrap());
            prop_assert_eq!(ab.unwrap(), ba.unwrap());
        }
    }

    #[test]
    fn diff_leads_from_one_to_the_other(a in harness(), b in harness()) {
        let edit = diff(&a, &b);
        prop_assert_eq!(&edit.apply(&a).unwrap(), &b);
        prop_assert!(diff(&a, &a).is_identity());
        prop_assert_eq!(&diff(&b, &a).apply(&b).unwrap(), &a);
        prop_assert_eq!(&edit.invert().apply(&b).unwrap(), &a);
    }

    #[test]
    fn an_edit_applies_whole_or_not_at_all(a in harness(), b in harness(), wishes in edit()) {
        // Made for one harness, met by another: either every pre-image holds, or there is a typed error with the operation in it.
        let edit = resolve(&a, &wishes);
        match edit.apply(&b) {
            Ok(next) => prop_assert_eq!(edit.invert().apply(&next).unwrap(), b),
            Err(error) => {
                prop_assert!(error.index < edit.0.len());
                prop_assert_eq!(error.op, edit.0[error.index].to_string());
            }
        }
    }

    #[test]
    fn closure(c in catalogue(), h in harness(), wishes in edit()) {
        let Some(h) = well_typed(&c, h) else { return Ok(()) };
        let edit = resolve(&h, &wishes);
        match edit.admit(&h, &c) {
            Ok(next) => {
                prop_assert!(check(&next, &c).is_ok());
                prop_assert!(resolve_order(&next, &c).is_ok());
            }
            Err(AdmitError::Spec(reasons)) => prop_assert!(!reasons.is_empty()),
            Err(AdmitError::Edit(error)) => prop_assert!(false, "resolved against this harness, yet: {error}"),
        }
    }

    #[test]
    fn local_edits_keep_a_harness_well_typed(c in catalogue(), h in harness(), wishes in edit()) {
        // Moving, removing, configuring within the schema, and setting scalars cannot make a well-typed harness ill-typed.
        let Some(h) = well_typed(&c, h) else { return Ok(()) };
        let mut now = h;
        for change in &wishes.0 {
            let Ok(op) = change.resolve(&now) else { continue };
            let local = match &op {
                Op::Remove { .. } | Op::Move { .. } => true,
                Op::Set { .. } => true,
                Op::Configure { place, id, key, new, .. } => {
                    let spec = if *place == Place::Tool { now.tool(id) } else { now.processor(id) };
                    let mut wanted = spec.unwrap().clone();
                    // Whether a harness inside fits what is installed is no question of one field's schema.
                    let field = c.lookup(&wanted.module).ok().and_then(|found| found.module.config.get(key));
                    let inner = field.is_some_and(|field| field.field_type == FieldType::Harness);
                    wanted.config = new.iter().map(|value| (key.clone(), value.clone())).collect();
                    let asked = wanted.clone();
                    fit(&c, &mut wanted);
                    wanted == asked && !inner
                }
                _ => false,
            };
            if local && let Ok(next) = Edit(vec![op]).apply(&now) {
                prop_assert_eq!(check(&next, &c), Ok(()));
                now = next;
            }
        }
    }

    #[test]
    fn order_honours_class_after_and_list(c in catalogue(), h in harness()) {
        let Some(h) = well_typed(&c, h) else { return Ok(()) };
        let order = resolve_order(&h, &c).unwrap();
        let module = |i: usize| c.lookup(&h.processors[i].module).unwrap().module;
        for hook in Hook::ALL {
            let listed = order.of(hook);
            let mut answering: Vec<usize> = (0..h.processors.len()).filter(|i| module(*i).hooks.contains(&hook)).collect();
            let constrained = answering.iter().any(|i| !module(*i).after.is_empty());
            if !constrained {
                answering.sort_by_key(|i| module(*i).order);
                prop_assert_eq!(listed, &answering[..]);
            }
            for (x, i) in listed.iter().enumerate() {
                for j in &listed[x + 1..] {
                    let (first, second) = (module(*i), module(*j));
                    prop_assert!(first.order <= second.order);
                    let waits = first.after.iter().any(|n| *n == second.name || second.slot.as_ref() == Some(n));
                    prop_assert!(!waits, "{} before {}", first.name, second.name);
                }
            }
        }
    }

    #[test]
    fn text_and_value_are_one(h in harness(), wishes in edit()) {
        let text = h.to_toml().unwrap();
        prop_assert_eq!(&Harness::parse(&text).unwrap(), &h, "{}", text);
        let json = serde_json::to_string(&h).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Harness>(&json).unwrap(), &h);
        let edit = resolve(&h, &wishes);
        prop_assert_eq!(&serde_json::from_str::<Edit>(&serde_json::to_string(&edit).unwrap()).unwrap(), &edit);
    }

    #[test]
    fn id_ignores_defaults_spelling_and_order(c in catalogue(), h in harness()) {
        let id = h.variant_id(&c);
        let mut spelled = h.clone();
        for spec in spelled.processors.iter_mut().chain(&mut spelled.tools) {
            for (key, value) in c.lookup(&spec.module).unwrap().module.defaults() {
                spec.config.entry(key).or_insert(value);
            }
            for value in spec.config.values_mut() {
                if *value == json!(3) {
                    *value = json!(3.0);
                }
                if *value == json!({"a": 2, "b": 1}) {
                    *value = serde_json::from_str(r#"{"b": 1.0, "a": 2}"#).unwrap();
                }
            }
        }
        prop_assert_eq!(spelled.variant_id(&c), id);
        let normal = h.normalised(&c);
        prop_assert_eq!(normal.variant_id(&c), id);
        prop_assert_eq!(&normal.normalised(&c), &normal);
        prop_assert_eq!(id.to_string().parse::<VariantId>().unwrap(), id);
    }

    #[test]
    fn different_harnesses_have_different_ids(c in catalogue(), a in harness(), b in harness()) {
        prop_assert_eq!(a.variant_id(&c) == b.variant_id(&c), a.normalised(&c).canonical(&c) == b.normalised(&c).canonical(&c));
        let mut longer = a.clone();
        longer.budget.steps += 1;
        prop_assert_ne!(longer.variant_id(&c), a.variant_id(&c));
    }
}

/// A law over cases that never occur proves nothing: of 400 draws, each premise holds often.
#[test]
fn the_generators_reach_what_the_laws_are_about() {
    let mut runner = TestRunner::deterministic();
    let (mut disjoint, mut fits, mut admitted, mut refused) = (0, 0, 0, 0);
    for _ in 0..400 {
        let draw = (catalogue(), harness(), change(), edit()).new_tree(&mut runner).unwrap().current();
        let (c, h, x, y) = draw;
        let (a, b) = (resolve(&h, &(vec![x], Vec::new())), resolve(&h, &y));
        disjoint += usize::from(!a.is_identity() && !b.is_identity() && a.is_disjoint(&b));
        if let Some(h) = well_typed(&c, h) {
            fits += 1;
            match resolve(&h, &y).admit(&h, &c) {
                Ok(_) => admitted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(disjoint > 60 && fits > 200 && admitted > 40 && refused > 40, "{disjoint} {fits} {admitted} {refused}");
}
