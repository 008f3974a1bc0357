//! Eight processors that do on every hook they own what their namesakes in the scenario do, armed and never firing:
//! system prompt, environment context, compaction, token budget, tool-call correction, parse retry, loop detection, cost
//! guard.

use std::collections::VecDeque;

use harness_abi::*;
use serde_json::Value;

const NAMES: [&str; 8] = [
    "system_prompt",
    "environment",
    "compaction",
    "token_budget",
    "call_correction",
    "parse_retry",
    "loop_detection",
    "cost_guard",
];

/// The eight, in `harness.toml`.
pub fn toml() -> String {
    NAMES.iter().map(|name| format!("[[processor]]\nuse = \"pipe8/{name}\"\n")).collect()
}

fn on(body: impl FnMut(&Cx<'_>, Event<'_>) -> Outcome + Send + 'static) -> impl Processor {
    body
}

fn system_prompt() -> impl Processor {
    on(|_, event| match event {
        Event::TaskStart => Ok(vec![Decision::system("You are a careful assistant. Use the tools you are given.")]),
        _ => pass(),
    })
}

fn environment_context() -> impl Processor {
    on(|cx, event| match event {
        Event::TaskStart => {
            let context = format!("{}\nPlatform: linux. Tools: {}.", cx.system(), cx.visible_tools().count());
            Ok(vec![Decision::system(context)])
        }
        _ => pass(),
    })
}

/// Would shorten the history past a million bytes; counts only what is new.
fn compaction() -> impl Processor {
    let (mut counted, mut bytes) = (0, 0);
    on(move |cx, event| {
        if let Event::StepStart = event {
            let history = cx.history();
            bytes += history.iter().skip(counted).map(Message::text_len).sum::<usize>();
            counted = history.len();
            if bytes > 1_000_000 {
                return Err(ModuleError::fault("not in this scenario").into());
            }
        }
        pass()
    })
}

fn token_budget() -> impl Processor {
    on(|cx, _| match cx.budget().tokens {
        0 => Ok(vec![Decision::interrupt("no tokens left")]),
        _ => pass(),
    })
}

/// Would mend tool names and arguments that are no JSON object.
fn call_correction() -> impl Processor {
    on(|cx, event| {
        if let Event::AfterModel { response } = event {
            for call in response.calls() {
                let known = cx.visible_tools().any(|name| name == call.name);
                let arguments: Value = serde_json::from_str(call.arguments)?;
                if !known || !arguments.is_object() {
                    return Err(ModuleError::fault("not in this scenario").into());
                }
            }
        }
        pass()
    })
}

/// Would ask again where a reply holds neither text nor call.
fn parse_retry() -> impl Processor {
    on(|_, event| match event {
        Event::AfterModel { response } if response.calls().next().is_none() && response.text().is_empty() => {
            Err(ModuleError::fault("not in this scenario").into())
        }
        _ => pass(),
    })
}

/// Would stop after three equal calls in a row.
fn loop_detection() -> impl Processor {
    let mut last: VecDeque<String> = VecDeque::new();
    on(move |_, event| {
        if let Event::BeforeTool { call } = event {
            last.push_back(format!("{}({})", call.name, call.arguments));
            if last.len() > 3 {
                last.pop_front();
            }
            if last.len() == 3 && last.iter().all(|call| *call == last[0]) {
                return Ok(vec![Decision::interrupt("loop")]);
            }
        }
        pass()
    })
}

fn cost_guard() -> impl Processor {
    on(|cx, _| match cx.budget().cost_micros {
        0 => Ok(vec![Decision::interrupt("no money left")]),
        _ => pass(),
    })
}

linked_pack! {
    manifest: r#"
        [pack]
        name = "pipe8"
        version = "1.0.0"
        abi = "1.0.0"
        description = "the eight processors of the scenario"

        [[module]]
        name = "system_prompt"
        kind = "processor"
        dimension = "D2"
        hooks = ["task_start"]

        [[module]]
        name = "environment"
        kind = "processor"
        dimension = "D2"
        hooks = ["task_start"]

        [[module]]
        name = "compaction"
        kind = "processor"
        dimension = "D2"
        hooks = ["step_start"]

        [[module]]
        name = "token_budget"
        kind = "processor"
        dimension = "D7"
        hooks = ["before_model", "after_model"]

        [[module]]
        name = "call_correction"
        kind = "processor"
        dimension = "D4"
        hooks = ["after_model"]

        [[module]]
        name = "parse_retry"
        kind = "processor"
        dimension = "D7"
        hooks = ["after_model"]

        [[module]]
        name = "loop_detection"
        kind = "processor"
        dimension = "D7"
        hooks = ["before_tool", "after_tool"]

        [[module]]
        name = "cost_guard"
        kind = "processor"
        dimension = "D7"
        hooks = ["before_model", "after_model", "step_end"]
    "#,
    processors: {
        "system_prompt" => |_: NoConfig| Ok(system_prompt()),
        "environment" => |_: NoConfig| Ok(environment_context()),
        "compaction" => |_: NoConfig| Ok(compaction()),
        "token_budget" => |_: NoConfig| Ok(token_budget()),
        "call_correction" => |_: NoConfig| Ok(call_correction()),
        "parse_retry" => |_: NoConfig| Ok(parse_retry()),
        "loop_detection" => |_: NoConfig| Ok(loop_detection()),
        "cost_guard" => |_: NoConfig| Ok(cost_guard()),
    },
}
