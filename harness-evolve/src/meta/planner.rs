//! Another order of the directions: the ranked ones are shown, and the model says which it would try first. The guaranteed
//! share of what nobody has tried is dealt afterwards, so it cannot be talked away.

use std::fmt::Write;

use harness_spec::ModuleRef;
use serde::Deserialize;
use serde_json::json;

use super::{Meta, MetaClient, Question, Stage};
use crate::error::EvolveError;
use crate::ledger::Ledger;
use crate::planner::{Planner, guarantee, rank};
use crate::view::{Direction, View};

/// Directions shown.
const SHOWN: usize = 24;

/// Ranks as the landscape planner does; the model, where there is one, may move what it is shown.
pub struct MetaPlanner<'a, M, L> {
    pub(super) client: Option<&'a MetaClient<'a, M, L>>,
}

#[derive(Deserialize)]
struct Order {
    order: Vec<usize>,
}

impl<M: Meta, L: Ledger> Planner for MetaPlanner<'_, M, L> {
    async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
        let ranked = rank(view);
        let Some(client) = self.client.filter(|_| ranked.len() > 1) else { return Ok(ranked) };
        let Some(answer) = client.ask::<Order>(&question(view, &ranked)).await? else { return Ok(ranked) };
        let mut waiting: Vec<Option<Direction>> = ranked.into_iter().map(Some).collect();
        let mut order: Vec<Direction> =
            answer.order.iter().filter_map(|place| waiting.get_mut(*place)?.take()).collect();
        order.extend(waiting.into_iter().flatten());
        // Only the order of scores counts from here on.
        let all = order.len();
        for (place, direction) in order.iter_mut().enumerate() {
            direction.score = (all - place) as f64;
        }
        Ok(guarantee(order, view))
    }
}

/// What fails, for a reader.
pub(super) fn failures(view: View<'_>) -> String {
    let mut text = format!("{} of {} tasks pass.\n", view.landscape.passed, view.landscape.tasks);
    for cluster in &view.landscape.clusters {
        let regressed =
            if cluster.regressed > 0 { format!(", {} did better before", cluster.regressed) } else { String::new() };
        let _: std::fmt::Result =
            writeln!(text, "- {} fail as {}{regressed}", cluster.tasks.len(), cluster.category.name());
        for note in &cluster.notes {
            let _: std::fmt::Result = writeln!(text, "  one of them: {note}");
        }
    }
    text
}

/// What was tried in this run, for a reader: the last few.
pub(super) fn tried(view: View<'_>) -> String {
    let last = view.history.trials.iter().rev().take(12);
    let lines: Vec<String> = last
        .map(|trial| {
            format!("- {}: {}\n", trial.edit, if trial.shipped { "helped, and is in" } else { "did not help" })
        })
        .collect();
    if lines.is_empty() { "- nothing yet\n".to_owned() } else { lines.concat() }
}

/// One direction for a reader.
pub(super) fn described(view: View<'_>, direction: &Direction) -> String {
    let reference = direction.module.parse::<ModuleRef>().ok();
    let entry = reference.as_ref().and_then(|reference| view.catalogue.lookup(reference).ok());
    let summary = entry.map(|entry| format!(" ({})", entry.module.summary)).unwrap_or_default();
    let against =
        direction.category.as_ref().map(|category| format!(", against {}", category.name())).unwrap_or_default();
    format!("{}{summary}{against}", direction.key())
}

fn question(view: View<'_>, ranked: &[Direction]) -> Question {
    let shown = ranked.iter().take(SHOWN).enumerate();
    let list: String = shown.map(|(place, direction)| format!("{place}. {}\n", described(view, direction))).collect();
    let prompt = format!(
        "An agent's harness is to be improved. {}\nTried so far:\n{}\nPossible directions:\n{list}\n\
         Which would you try first? Reply with JSON: {{\"order\": their numbers, the most promising first}}.",
        failures(view),
        tried(view),
    );
    let schema = json!({
        "type": "object",
        "properties": {"order": {"type": "array", "items": {"type": "integer", "minimum": 0}}},
        "required": ["order"],
        "additionalProperties": false,
    });
    Question { stage: Stage::Planner, prompt, schema, max_tokens: 200 }
}
