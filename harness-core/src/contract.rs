//! Which decision is allowed at which hook: the table of `harness_abi::Decision`, as code. Whatever is not in it is a
//! violation, and a violation is a fault.

use harness_abi::{Decision, Hook, StoredDecision};

/// The name of a decision in records and error texts.
pub(crate) const fn name(decision: &Decision) -> &'static str {
    match decision {
        Decision::SetSystem { .. } => "set_system",
        Decision::EditHistory { .. } => "edit_history",
        Decision::SetLastUser { .. } => "set_last_user",
        Decision::AppendUser { .. } => "append_user",
        Decision::ShowTools { .. } => "show_tools",
        Decision::Constrain { .. } => "constrain",
        Decision::UseModel { .. } => "use_model",
        Decision::Sample { .. } => "sample",
        Decision::SetResponse { .. } => "set_response",
        Decision::SetArguments { .. } => "set_arguments",
        Decision::SetResult { .. } => "set_result",
        Decision::Split { .. } => "split",
        Decision::Answer { .. } => "answer",
        Decision::Interrupt { .. } => "interrupt",
        Decision::Adapt { .. } => "adapt",
        Decision::Annotate { .. } => "annotate",
        Decision::Ask { .. } => "ask",
        _ => "unknown",
    }
}

/// Whether a hook may answer with this decision.
pub(crate) const fn allows(hook: Hook, decision: &Decision) -> bool {
    use Hook::{AfterModel, AfterTool, BeforeModel, BeforeTool, StepEnd, StepStart, TaskEnd, TaskStart};
    match decision {
        Decision::SetSystem { .. } => matches!(hook, TaskStart),
        Decision::EditHistory { .. } => matches!(hook, StepStart),
        Decision::SetLastUser { .. }
        | Decision::AppendUser { .. }
        | Decision::ShowTools { .. }
        | Decision::Constrain { .. }
        | Decision::UseModel { .. }
        | Decision::Sample { .. } => matches!(hook, BeforeModel),
        Decision::SetResponse { .. } => matches!(hook, AfterModel),
        Decision::SetArguments { .. } => matches!(hook, BeforeTool),
        Decision::SetResult { .. } => matches!(hook, AfterTool),
        Decision::Split { .. } => matches!(hook, AfterModel | BeforeTool),
        Decision::Answer { .. } => matches!(hook, BeforeModel | BeforeTool),
        Decision::Interrupt { .. } => !matches!(hook, StepEnd | TaskEnd),
        Decision::Adapt { .. } => matches!(hook, StepEnd),
        Decision::Annotate { .. } => true,
        Decision::Ask { .. } => !matches!(hook, TaskEnd),
        _ => false,
    }
}

/// Whether nothing but notes may follow it: the event the hook was about is gone.
const fn concludes(decision: &Decision) -> bool {
    matches!(decision, Decision::Split { .. } | Decision::Answer { .. } | Decision::Interrupt { .. })
}

/// A processor broke its hook's contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// A decision of a newer version.
    #[error("it made a decision of a kind newer than this host; update the host or use an older version of the pack")]
    Unknown,
    /// Not in the table.
    #[error("`{decision}` is not allowed at {}", .hook.name())]
    Hook { decision: &'static str, hook: Hook },
    /// After a decision that concludes.
    #[error("`{decision}` follows a decision that concludes the event; only notes may")]
    Concluded { decision: &'static str },
    /// Questions beside decisions.
    #[error("it asks and decides at once; decide when the answers are there")]
    AsksAndDecides,
    /// The decision's content is wrong.
    #[error("`{decision}` {problem}")]
    Content { decision: &'static str, problem: String },
}

/// What a processor answered, checked against the table.
#[derive(Debug)]
pub(crate) enum Answered<'a> {
    /// Decisions to apply in order.
    Decisions(Vec<&'a Decision>),
    /// Questions to answer first.
    Questions(&'a [harness_abi::StoredAsk]),
}

/// Checks a list of decisions against the table.
pub(crate) fn check(hook: Hook, decisions: &[StoredDecision]) -> Result<Answered<'_>, Violation> {
    let mut checked = Vec::with_capacity(decisions.len());
    let mut concluded = false;
    for decision in decisions {
        let decision = decision.as_enum().map_err(|_| Violation::Unknown)?;
        if !allows(hook, decision) {
            return Err(Violation::Hook { decision: name(decision), hook });
        }
        if concluded && !matches!(decision, Decision::Annotate { .. }) {
            return Err(Violation::Concluded { decision: name(decision) });
        }
        concluded |= concludes(decision);
        if let Decision::Ask { questions } = decision {
            return match decisions.len() {
                1 => Ok(Answered::Questions(questions)),
                _ => Err(Violation::AsksAndDecides),
            };
        }
        checked.push(decision);
    }
    Ok(Answered::Decisions(checked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_abi::Message;

    /// One of each, in the order of the table's rows; the columns are the hooks in call order.
    fn rows() -> Vec<(Decision, &'static str)> {
        let json = || "{}".into();
        vec![
            (Decision::system(""), "x......."),
            (Decision::EditHistory { edits: Default::default() }, ".x......"),
            (Decision::SetLastUser { text: json() }, "..x....."),
            (Decision::AppendUser { text: json() }, "..x....."),
            (Decision::show_tools([""; 0]), "..x....."),
            (Decision::Constrain { constraint_json: json() }, "..x....."),
            (Decision::UseModel { role: json() }, "..x....."),
            (Decision::Sample { sampling_json: json() }, "..x....."),
            (Decision::SetResponse { message: Message::assistant("") }, "...x...."),
            (Decision::SetArguments { arguments: json() }, "....x..."),
            (Decision::SetResult { text: json(), is_error: false }, ".....x.."),
            (Decision::Split { messages: Default::default() }, "...xx..."),
            (Decision::Answer { message: Message::assistant("") }, "..x.x..."),
            (Decision::interrupt(""), "xxxxxx.."),
            (Decision::Adapt { signal: json() }, "......x."),
            (Decision::annotate("", &0), "xxxxxxxx"),
            (Decision::Ask { questions: Default::default() }, "xxxxxxx."),
        ]
    }

    #[test]
    fn every_hook_by_every_decision() {
        for (decision, row) in rows() {
            let name = name(&decision);
            let stored = [StoredDecision::new(decision)];
            for (hook, allowed) in Hook::ALL.into_iter().zip(row.chars()) {
                assert_eq!(check(hook, &stored).is_ok(), allowed == 'x', "{name} at {}", hook.name());
            }
        }
    }

    #[test]
    fn nothing_but_notes_follows_a_conclusion() {
        let check = |list: Vec<Decision>| {
            let stored: Vec<_> = list.into_iter().map(StoredDecision::new).collect();
            check(Hook::BeforeTool, &stored).map(|_| ())
        };
        let arguments = || Decision::SetArguments { arguments: "{}".into() };
        let note = || Decision::annotate("why", &"because");
        assert_eq!(check(vec![arguments(), note(), Decision::interrupt("stop"), note()]), Ok(()));
        assert_eq!(
            check(vec![Decision::interrupt("stop"), arguments()]),
            Err(Violation::Concluded { decision: "set_arguments" })
        );
        assert_eq!(
            check(vec![note(), Decision::Ask { questions: Default::default() }]),
            Err(Violation::AsksAndDecides)
        );
    }
}
