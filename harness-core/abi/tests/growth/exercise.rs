//! What a host does with a kept pack, as lines: the same code in today's host (`harness-core/host/tests/it/growth.rs`) and, with the
//! feature `next`, in a host built against the simulated next version.
#![allow(
    unexpected_cfgs,
    clippy::unwrap_used,
    reason = "`next` is a feature of the scratch workspace alone; a check may stop"
)]

use std::{
    error::Error,
    sync::mpsc::{Sender, channel},
};

use harness_abi::{
    Answer, Ask, ChatReply, ChatRequest, DeltaKind, Hook, Message, ModuleError, RawChatSink, RawScoreSink, RawToolSink,
    ScoreItem, ScoreReply, ScoreRequest, ToolRequest, chat_sink, score_sink,
    stable::{RResult, RStr, RString},
    tool_sink,
};
use harness_host::{Host, testing::FakeContext};
use harness_spec::{Config, ModuleRef};

struct Sink<T>(Sender<RResult<T, ModuleError>>);

impl RawChatSink for Sink<ChatReply> {
    fn delta(&self, _: DeltaKind, _: RStr<'_>) -> bool {
        true
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        self.0.send(reply).unwrap();
    }
}

impl RawScoreSink for Sink<ScoreReply> {
    fn cancelled(&self) -> bool {
        false
    }
    fn finish(self, reply: RResult<ScoreReply, ModuleError>) {
        self.0.send(reply).unwrap();
    }
}

impl RawToolSink for Sink<RString> {
    fn cancelled(&self) -> bool {
        false
    }
    fn finish(self, output: RResult<RString, ModuleError>) {
        self.0.send(output).unwrap();
    }
    fn finish_text(self, text: RString, _: bool) {
        self.0.send(RResult::ROk(text)).unwrap();
    }
}

/// A message with something in it that only this host's version has, where it has such a thing.
fn message(text: &str) -> Message {
    #[cfg(feature = "next")]
    return Message::new(
        harness_abi::Role::User,
        [harness_abi::Part::text(text), harness_abi::Part::Audio { hash: "a1".into() }],
    );
    #[cfg(not(feature = "next"))]
    Message::user(text)
}

/// What became of every module of `pack`; an error where one failed that should not.
pub fn lines(host: &Host, pack: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let reference = |module: &str| format!("{pack}/{module}").parse::<ModuleRef>();
    let resolve = |module: &str| Ok::<_, Box<dyn Error>>(host.resolve(&reference(module)?, &Config::new())?);
    let mut lines = Vec::new();
    let mut line = |what: &str, outcome: String| lines.push(format!("{pack}: {what}: {outcome}"));

    let mut clerk = resolve("clerk")?.processor()?;
    for hook in [Hook::TaskStart, Hook::BeforeModel, Hook::AfterTool, Hook::StepEnd] {
        let mut context = FakeContext::default().history([message("one"), message("two")]).call("c1", "add", "{}");
        context.result = Some(message("three"));
        let answer = |ask: &Ask| match ask {
            Ask::Chat { .. } => Answer::Chat { reply: ChatReply { message: message("well"), ..ChatReply::text("") } },
            _ => Answer::Failed { error: ModuleError::unsupported("this host answers chats alone") },
        };
        let outcome = context.call_hook(&mut clerk, hook, answer);
        line(hook.name(), outcome.map_or_else(|error| error.to_string(), |decisions| format!("{decisions:?}")));
    }

    let adder = resolve("adder")?.tool()?;
    let (send, receive) = channel();
    let (id, name, arguments) = ("c1".into(), "add".into(), r#"{"a": 2, "b": 3}"#.into());
    adder.call(&ToolRequest { id, name, arguments, seed: 0, extra: "".into() }, tool_sink(Sink(send)));
    line("tool", receive.recv()?.into_result()?.into());

    let parrot = host.model(&reference("parrot")?, &Config::new())?;
    let messages = [message("echo")];
    let empty: RStr<'_> = "".into();
    let request = ChatRequest {
        messages: messages[..].into(),
        tools_json: empty,
        constraint_json: empty,
        sampling_json: empty,
        extra: empty,
    };
    let (send, receive) = channel();
    parrot.chat(&request, chat_sink(Sink(send)));
    let reply = receive.recv()?.into_result()?.message;
    let (stored, known) = (reply.stored_parts().len(), reply.known_parts().count());
    line("chat", format!("{}, {known} of {stored} parts known", reply.text()));
    // What is not known is kept, compared and copied all the same; it is not written down as if it were not there.
    line("copy", format!("{}, {}", reply.clone() == reply, serde_json::to_string(&reply).is_ok()));
    let (send, receive) = channel();
    parrot.score(ScoreRequest::new([ScoreItem::new(&messages, "four")]), score_sink(Sink(send)));
    line("score", receive.recv()?.into_result()?.scores.first().ok_or("no score")?.logprob.to_string());

    let (mut door, open) = (resolve("door")?.environment()?, resolve("open")?.grader()?);
    let tasks = door.tasks("{}".into()).into_result()?;
    let task = serde_json::from_str::<Vec<serde_json::Value>>(&tasks)?.first().ok_or("none of it")?.to_string();
    door.reset(task.as_str().into(), 0).into_result()?;
    let actions = door.oracle(task.as_str().into()).into_result()?;
    let action = serde_json::from_str::<Vec<serde_json::Value>>(&actions)?.first().ok_or("none of it")?.to_string();
    line("step", door.step(action.as_str().into()).into_result()?.into());
    let state = door.state().into_result()?;
    let judged = open.grade(task.as_str().into(), state.as_rstr(), messages[..].into()).into_result()?;
    line("grade", judged.into());

    #[cfg(feature = "next")]
    for (kind, about) in [
        ("processor", clerk.about()),
        ("tool", adder.about()),
        ("model", parrot.about()),
        ("environment", door.about()),
        ("grader", open.about()),
    ] {
        line("about", format!("{kind} {about}"));
    }
    #[cfg(feature = "next")]
    line("weight", format!("{:?}", reply.weight()));
    Ok(lines)
}
