//! Entries of every kind, for tests.

use harness_abi::{Draft, Finish, Grade, Hook, Message, Observation, Part, Role, Score, ToolSpec, Usage};
use harness_trace::{CallKey, Entry, EpisodeEnd, EpisodeStart, Outcome, Purpose, Split, StoredChat, StoredScores};
use serde_json::json;

pub fn usage(n: u64) -> Usage {
    Usage { input_tokens: 100 * n, cached_tokens: n, output_tokens: 10 * n, cost_micros: 7 * n }
}

pub fn start(episode: &str, task: &str) -> EpisodeStart {
    EpisodeStart {
        episode: episode.into(),
        run: "run".into(),
        parent: String::new(),
        harness: "h1".into(),
        suite: "suite".into(),
        split: Split::Explore.into(),
        task: task.into(),
        group: "group".into(),
        seed: u64::MAX,
        simulated: true,
        started_ms: 1,
    }
}

pub fn end(outcome: Outcome, reward: f64) -> EpisodeEnd {
    EpisodeEnd {
        outcome,
        reason: "because".into(),
        steps: 3,
        usage: usage(2),
        replayed: usage(1),
        micros: 77,
        state: json!({"won": true, "z": 1, "a": [0.1]}),
        grade: Some(Grade {
            reward,
            parts: vec![("exact".into(), 0.1 + 0.2), ("format".into(), 1.0)],
            reasons: vec!["ünïcode".into()],
            usage: usage(4),
        }),
    }
}

pub fn chat(text: &str) -> StoredChat {
    StoredChat {
        message: Message::assistant(text),
        finish: Finish::TOOL_CALLS,
        usage: usage(3),
        extra: r#"{"choices":[]}"#.into(),
        micros: 5,
    }
}

pub fn scores() -> StoredScores {
    let of = |logprob, tokens| Score { logprob, tokens };
    StoredScores { scores: vec![of(-0.1 - 0.2, 1), of(f64::NEG_INFINITY, 0)], usage: usage(1), micros: 6 }
}

pub fn call_key(n: u64) -> CallKey {
    CallKey::default().push(&Message::user(n.to_string())).head(&["model"])
}

pub fn every_kind() -> Vec<Entry> {
    let message = Draft::new(Role::Assistant)
        .id("m1")
        .cache(true)
        .opaque(r#"{"sig":"x"}"#)
        .part(Part::text("text"))
        .part(Part::Reasoning { text: "why".into() })
        .part(Part::tool_call("c0", "noop", r#"{"i":0}"#))
        .part(Part::ToolResult { id: "c0".into(), text: "ok".into(), is_error: true })
        .part(Part::Blob { hash: "00".into(), media_type: "image/png".into() })
        .build();
    let tool = ToolSpec {
        name: "noop".into(),
        description: String::new(),
        input_schema: json!({"type": "object", "b": 1, "a": 2}),
        read_only: true,
        idempotent: false,
    };
    let key = call_key(9);
    vec![
        Entry::Message { message: message.clone() },
        Entry::Edited { start: 0, end: 1, with: vec![message, Message::user("")] },
        Entry::System { text: "be brief".into() },
        Entry::Decided { hook: Hook::BeforeTool, module: "guard".into(), decisions: json!([{"deny": "no"}]) },
        Entry::Chat {
            role: "main".into(),
            key,
            purpose: Purpose::Step,
            finish: Finish::STOP,
            usage: usage(1),
            began: Some(5),
            micros: 1,
            replayed: true,
        },
        Entry::Score {
            role: "main".into(),
            key,
            purpose: Purpose::Ask("router".into()),
            usage: usage(1),
            began: None,
            micros: 1,
            replayed: false,
        },
        Entry::Tool {
            id: "c0".into(),
            name: "noop".into(),
            arguments: "{}".into(),
            is_error: false,
            began: Some(u64::MAX),
            micros: 300,
        },
        Entry::Observed {
            observation: Observation {
                text: "You see nothing.".into(),
                admissible: vec!["look".into(), "go north".into()],
                tools: Some(vec![tool]),
                reward: 0.1 + 0.2,
                done: true,
                invalid: true,
                workspace: None,
            },
        },
        Entry::Observed { observation: Observation::default() },
        Entry::Adapted { rule: 2, from: "a".into(), to: "b".into() },
        Entry::Fault { hook: None, module: "m".into(), class: "fault".into(), message: "broke".into() },
        Entry::Fault {
            hook: Some(Hook::TaskStart),
            module: "m".into(),
            class: "contract".into(),
            message: "again".into(),
        },
    ]
}
