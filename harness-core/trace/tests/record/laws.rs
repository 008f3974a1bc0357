//! Laws over arbitrary messages: no two requests share a key, and what is recorded comes back.

use harness_abi::{Draft, Message, Part, Role};
use harness_trace::{CallKey, Entry, Outcome, Recorder, Store};
use proptest::prelude::*;

use crate::samples::{end, start};

/// Texts that run into each other when nobody watches the boundaries.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ab\0\u{1}]{1,3}", "\\PC{0,12}"]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        text().prop_map(Part::text),
        text().prop_map(|text| Part::Reasoning { text: text.into() }),
        (text(), text(), text()).prop_map(|(id, name, arguments)| Part::tool_call(id, name, arguments)),
        (text(), text(), any::<bool>()).prop_map(|(id, text, is_error)| Part::ToolResult {
            id: id.into(),
            text: text.into(),
            is_error
        }),
        (text(), text()).prop_map(|(hash, kind)| Part::Blob { hash: hash.into(), media_type: kind.into() }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let role = prop_oneof![Just(Role::System), Just(Role::User), Just(Role::Assistant), Just(Role::Tool)];
    let parts = prop::collection::vec(part(), 0..4);
    (role, any::<bool>(), text(), prop::option::of(text()), parts).prop_map(|(role, cache, id, opaque, parts)| {
        let draft = Draft::new(role).cache(cache).id(&id).parts(parts);
        match opaque {
            Some(opaque) => draft.opaque(&opaque),
            None => draft,
        }
        .build()
    })
}

fn history() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec(message(), 0..4)
}

fn key(history: &[Message]) -> CallKey {
    history.iter().fold(CallKey::default(), |key, message| key.push(message))
}

/// A message that differs from `message` in one small way.
fn nudged(message: &Message, way: usize) -> Message {
    let draft = Draft::from(message);
    let parts: Vec<Part> = message.known_parts().cloned().collect();
    match way {
        0 => draft.cache(!message.cache()).build(),
        1 => draft.id(&format!("{}a", message.id())).build(),
        2 => draft.opaque(&format!("{}a", message.opaque().unwrap_or_default())).build(),
        3 => draft.part(Part::text("")).build(),
        _ => {
            // The same text, split elsewhere.
            let joined: String = message.text().into_owned();
            let at = joined.char_indices().nth(1).map_or(0, |(at, _)| at);
            let (a, b) = joined.split_at(at);
            draft.without_parts().parts(parts).part(Part::text(a)).part(Part::text(b)).build()
        }
    }
}

proptest! {
    #[test]
    fn different_conversations_have_different_keys(a in history(), b in history()) {
        prop_assert_eq!(a == b, key(&a) == key(&b));
    }

    #[test]
    fn a_key_depends_on_every_field_and_on_order(a in history(), b in message(), c in message(), way in 0_usize..5) {
        let with = |more: &[&Message]| more.iter().fold(key(&a), |key, message| key.push(message));
        prop_assert_ne!(with(&[&b]), with(&[]));
        prop_assert_ne!(with(&[&b]), with(&[&nudged(&b, way)]));
        prop_assert_eq!(b == c, with(&[&b, &c]) == with(&[&c, &b]));
    }

    #[test]
    fn a_request_depends_on_every_field_of_its_head(
        a in history(),
        head in prop::collection::vec(text(), 0..5),
        other in prop::collection::vec(text(), 0..5),
        m in message(),
    ) {
        let of = |key: CallKey, head: &[String]| {
            let fields: Vec<&str> = head.iter().map(String::as_str).collect();
            key.head(&fields)
        };
        prop_assert_eq!(head == other, of(key(&a), &head) == of(key(&a), &other));
        prop_assert_ne!(of(key(&a), &head), of(key(&a).push(&m), &head));
        prop_assert_ne!(of(key(&a), &head), key(&a).push(&m));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_recorded_comes_back(history in prop::collection::vec((0..u64::MAX, message()), 0..8)) {
        let store = Store::in_memory().unwrap();
        store.begin(start("e", "t")).unwrap();
        for (step, message) in &history {
            store.step("e", *step, vec![Entry::Message { message: message.clone() }]).unwrap();
        }
        store.end("e", end(Outcome::Done, 1.0)).unwrap();
        let row = store.episode("e").unwrap();
        let back: Vec<_> = store
            .entries(&row)
            .unwrap()
            .map(|entry| match entry.unwrap() {
                (step, Entry::Message { message }) => (step, message),
                other => panic!("{other:?}"),
            })
            .collect();
        prop_assert_eq!(back, history);
    }
}
