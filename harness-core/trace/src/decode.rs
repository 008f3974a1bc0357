//! What `encode` wrote, read back. Every version once released stays readable here.

use harness_abi::{Draft, Finish, Grade, Hook, Message, Observation, Part, Role, Score, Usage};
use serde::de::DeserializeOwned;

use crate::{
    CallKey, Entry, Purpose, StoredChat, StoredScores, TraceError,
    codec::Take,
    encode::{CHAT, CODEC, SCORES},
};

fn version(take: &mut Take<'_>) -> Result<(), TraceError> {
    match take.u8()? {
        CODEC => Ok(()),
        other => Err(take.damaged(format!("its encoding {other} is unknown"))),
    }
}

/// The steps of a chunk, in order: appends `(step, entry)`.
pub(crate) fn chunk(bytes: &[u8], mut each: impl FnMut(u64, Entry)) -> Result<(), TraceError> {
    let mut take = Take::new(bytes, "a chunk of steps");
    version(&mut take)?;
    while !take.is_empty() {
        let step = take.u64()?;
        for _ in 0..take.u64()? {
            each(step, entry(&mut take)?);
        }
    }
    Ok(())
}

/// Kinds of entry from 10 on are those of 4 to 6 with the time at which they began.
fn entry(take: &mut Take<'_>) -> Result<Entry, TraceError> {
    let kind = take.u8()?;
    let mut entry = plain_entry(take, kind.checked_sub(6).filter(|kind| (4..=6).contains(kind)).unwrap_or(kind))?;
    if let (10..=12, Entry::Chat { began, .. } | Entry::Score { began, .. } | Entry::Tool { began, .. }) =
        (kind, &mut entry)
    {
        *began = Some(take.u64()?);
    }
    Ok(entry)
}

fn plain_entry(take: &mut Take<'_>, kind: u8) -> Result<Entry, TraceError> {
    Ok(match kind {
        0 => Entry::Message { message: message(take)? },
        1 => Entry::Edited { start: take.u64()?, end: take.u64()?, with: take.list(message)? },
        2 => Entry::System { text: take.string()? },
        3 => Entry::Decided { hook: hook(take)?, module: take.string()?, decisions: json(take)? },
        4 => Entry::Chat {
            role: take.string()?,
            key: CallKey(take.key()?),
            purpose: purpose(take)?,
            finish: Finish(take.u32()?),
            usage: usage(take)?,
            began: None,
            micros: take.u64()?,
            replayed: take.flag()?,
        },
        5 => Entry::Score {
            role: take.string()?,
            key: CallKey(take.key()?),
            purpose: purpose(take)?,
            usage: usage(take)?,
            began: None,
            micros: take.u64()?,
            replayed: take.flag()?,
        },
        6 => Entry::Tool {
            id: take.string()?,
            name: take.string()?,
            arguments: take.string()?,
            is_error: take.flag()?,
            began: None,
            micros: take.u64()?,
        },
        7 => Entry::Observed { observation: observation(take)? },
        8 => Entry::Adapted {
            rule: usize::try_from(take.u64()?).map_err(|error| take.damaged(error.to_string()))?,
            from: take.string()?,
            to: take.string()?,
        },
        9 => {
            let hook = match take.u32()? {
                0 => None,
                code => Some(known_hook(take, code - 1)?),
            };
            Entry::Fault { hook, module: take.string()?, class: take.string()?, message: take.string()? }
        }
        other => return Err(take.damaged(format!("an entry of kind {other}"))),
    })
}

fn known_hook(take: &Take<'_>, code: u32) -> Result<Hook, TraceError> {
    Hook::from_code(code).ok_or_else(|| take.damaged(format!("hook {code}")))
}

fn hook(take: &mut Take<'_>) -> Result<Hook, TraceError> {
    let code = take.u32()?;
    known_hook(take, code)
}

fn purpose(take: &mut Take<'_>) -> Result<Purpose, TraceError> {
    Ok(match take.u8()? {
        0 => Purpose::Step,
        1 => Purpose::Ask(take.string()?),
        2 => Purpose::Grade,
        other => return Err(take.damaged(format!("a purpose of kind {other}"))),
    })
}

fn usage(take: &mut Take<'_>) -> Result<Usage, TraceError> {
    Ok(Usage {
        input_tokens: take.u64()?,
        cached_tokens: take.u64()?,
        output_tokens: take.u64()?,
        cost_micros: take.u64()?,
    })
}

fn json<T: DeserializeOwned>(take: &mut Take<'_>) -> Result<T, TraceError> {
    serde_json::from_slice(take.bytes()?).map_err(|source| TraceError::Corrupt { what: "an entry".to_owned(), source })
}

fn observation(take: &mut Take<'_>) -> Result<Observation, TraceError> {
    Ok(Observation {
        text: take.string()?,
        admissible: take.list(Take::string)?,
        tools: if take.flag()? { Some(json(take)?) } else { None },
        reward: take.f64()?,
        done: take.flag()?,
        invalid: take.flag()?,
        workspace: None,
    })
}

fn message(take: &mut Take<'_>) -> Result<Message, TraceError> {
    let role = match take.u8()? {
        0 => Role::System,
        1 => Role::User,
        2 => Role::Assistant,
        3 => Role::Tool,
        other => return Err(take.damaged(format!("role {other}"))),
    };
    let marks = take.u8()?;
    let mut draft = Draft::new(role).cache(marks & 1 != 0).id(take.text()?);
    if marks & 2 != 0 {
        draft = draft.opaque(take.text()?);
    }
    for _ in 0..take.u64()? {
        draft = draft.part(part(take)?);
    }
    Ok(draft.build())
}

fn part(take: &mut Take<'_>) -> Result<Part, TraceError> {
    Ok(match take.u8()? {
        0 => Part::text(take.text()?),
        1 => Part::Reasoning { text: take.text()?.into() },
        2 => Part::tool_call(take.text()?, take.text()?, take.text()?),
        kind @ (3 | 4) => Part::ToolResult { id: take.text()?.into(), text: take.text()?.into(), is_error: kind == 4 },
        5 => Part::Blob { hash: take.text()?.into(), media_type: take.text()?.into() },
        other => return Err(take.damaged(format!("a message part of kind {other}"))),
    })
}

/// A stored call that is a chat.
pub(crate) fn chat(bytes: &[u8]) -> Result<StoredChat, TraceError> {
    let mut take = Take::new(bytes, "a recorded model call");
    match take.u8()? {
        CHAT => {}
        other => return Err(take.damaged(format!("it is of kind {other}, not a chat"))),
    }
    let (finish, usage, micros, extra) = (Finish(take.u32()?), usage(&mut take)?, take.u64()?, take.string()?);
    Ok(StoredChat { message: message(&mut take)?, finish, usage, extra, micros })
}

/// A stored call that is scores.
pub(crate) fn scores(bytes: &[u8]) -> Result<StoredScores, TraceError> {
    let mut take = Take::new(bytes, "recorded scores");
    match take.u8()? {
        SCORES => {}
        other => return Err(take.damaged(format!("they are of kind {other}, not scores"))),
    }
    let (usage, micros) = (usage(&mut take)?, take.u64()?);
    let scores = take.list(|take| Ok(Score { logprob: take.f64()?, tokens: take.u32()? }))?;
    Ok(StoredScores { scores, usage, micros })
}

/// A grade.
pub(crate) fn grade(bytes: &[u8]) -> Result<Grade, TraceError> {
    let mut take = Take::new(bytes, "a grade");
    version(&mut take)?;
    Ok(Grade {
        reward: take.f64()?,
        parts: take.list(|take| Ok((take.string()?, take.f64()?)))?,
        reasons: take.list(Take::string)?,
        // Older records end here.
        usage: if take.is_empty() { Usage::default() } else { usage(&mut take)? },
    })
}
