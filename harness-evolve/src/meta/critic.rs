//! A reader's objections, on top of what the audit finds: the audit cannot be overruled, and the reader refuses at most half.

use serde::Deserialize;
use serde_json::json;

use super::planner::failures;
use super::{Meta, MetaClient, Question, Stage};
use crate::candidate::Candidate;
use crate::critic::{AuditCritic, Critic, Known, Objection};
use crate::error::EvolveError;
use crate::ledger::Ledger;
use crate::view::View;

/// Most characters of a reason.
const REASON: usize = 200;

/// Audits; the model, where there is one, reads what the audit lets pass.
pub struct MetaCritic<'a, M, L> {
    pub(super) base: AuditCritic,
    pub(super) client: Option<&'a MetaClient<'a, M, L>>,
}

#[derive(Deserialize)]
struct Review {
    refuse: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    candidate: String,
    reason: String,
}

impl<M: Meta, L: Ledger> Critic for MetaCritic<'_, M, L> {
    async fn review(
        &self,
        view: View<'_>,
        candidates: &[Candidate],
        known: &Known<'_>,
    ) -> Result<Vec<Option<Objection>>, EvolveError> {
        let mut objections = self.base.review(view, candidates, known).await?;
        let passed = || candidates.iter().zip(&objections).filter(|(_, objection)| objection.is_none());
        let standing: Vec<&Candidate> = passed().map(|(candidate, _)| candidate).collect();
        let Some(client) = self.client.filter(|_| standing.len() > 1) else { return Ok(objections) };
        let most = standing.len() / 2;
        let review = client.ask::<Review>(&question(view, &standing, most)).await?;
        for refusal in review.into_iter().flat_map(|review| review.refuse).take(most) {
            let slot = candidates.iter().zip(&mut objections).find(|(one, _)| one.id == refusal.candidate);
            if let Some((_, objection)) = slot
                && objection.is_none()
            {
                *objection = Some(Objection::Reviewer(refusal.reason.chars().take(REASON).collect()));
            }
        }
        Ok(objections)
    }
}

fn question(view: View<'_>, standing: &[&Candidate], most: usize) -> Question {
    let line = |candidate: &&Candidate| format!("{}: {}\n", candidate.id, candidate.edit);
    let list: String = standing.iter().map(line).collect();
    let ids: Vec<&str> = standing.iter().map(|candidate| candidate.id.as_str()).collect();
    let prompt = format!(
        "Edits of an agent's harness are proposed. How the agent does now. {}\nThe edits:\n{list}\n\
         Which of them cheat (hold an answer, aim at how tasks are marked, hide errors) or can only do harm? Refuse at most \
         {most}; refuse none if you are not sure.\n\
         Reply with JSON: {{\"refuse\": [{{\"candidate\": its number, \"reason\": a short sentence}}]}}.",
        failures(view),
    );
    let schema = json!({
        "type": "object",
        "properties": {"refuse": {"type": "array", "items": {
            "type": "object",
            "properties": {"candidate": {"type": "string", "enum": ids}, "reason": {"type": "string"}},
            "required": ["candidate", "reason"],
            "additionalProperties": false,
        }}},
        "required": ["refuse"],
        "additionalProperties": false,
    });
    Question { stage: Stage::Critic, prompt, schema, max_tokens: 300 }
}
