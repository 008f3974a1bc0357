//! A second look at some failures: which of the categories that hold matters most, and what went wrong, in a sentence.

use std::collections::BTreeMap;

use harness_trace::{EpisodeResult, ExploreTrace};
use serde::Deserialize;
use serde_json::json;

use super::transcript::transcript;
use super::{Meta, MetaClient, Question, Stage};
use crate::categories::Category;
use crate::digest::{EpisodeDigest, Note, TaskDigest};
use crate::digester::{Digester, TraceDigester, Traces};
use crate::error::EvolveError;
use crate::ledger::Ledger;
use crate::view::View;

/// Failures looked at again in a round: two of each cluster, the largest clusters first.
const LOOKS: usize = 6;
const LOOKS_PER_CLUSTER: usize = 2;
/// Most characters of a transcript.
const TRANSCRIPT: usize = 6000;
/// Most characters of a note.
const NOTE: usize = 300;

/// Tests decide what holds; the model, where there is one, says what it means.
pub struct MetaDigester<'a, M, L> {
    pub(super) base: TraceDigester,
    pub(super) client: Option<&'a MetaClient<'a, M, L>>,
}

#[derive(Deserialize)]
struct Look {
    category: String,
    note: String,
}

impl<M: Meta, L: Ledger> Digester for MetaDigester<'_, M, L> {
    fn read(&self, played: &EpisodeResult, trace: &ExploreTrace) -> EpisodeDigest {
        self.base.read(played, trace)
    }

    async fn look_again(
        &self,
        view: View<'_>,
        digests: &BTreeMap<String, TaskDigest>,
        traces: Traces<'_>,
    ) -> Result<Vec<Note>, EvolveError> {
        let Some(client) = self.client else { return Ok(Vec::new()) };
        let some = |cluster: &crate::landscape::Cluster| -> Vec<String> {
            cluster.tasks.iter().take(LOOKS_PER_CLUSTER).cloned().collect()
        };
        let tasks: Vec<String> = view.landscape.clusters.iter().flat_map(some).take(LOOKS).collect();
        let mut notes = Vec::new();
        for task in tasks {
            let Some(digest) = digests.get(&task) else { continue };
            let Some(anchor) = digest.anchors.first() else { continue };
            let trace = traces(&anchor.episode)?;
            let Some(look) = client.ask::<Look>(&question(digest, &trace)).await? else { continue };
            notes.push(Note {
                task,
                category: Some(Category::from(look.category)),
                text: look.note.chars().take(NOTE).collect(),
            });
        }
        Ok(notes)
    }
}

fn question(digest: &TaskDigest, trace: &ExploreTrace) -> Question {
    let names: Vec<&str> = digest.categories.iter().map(Category::name).collect();
    let prompt = format!(
        "An agent failed a task. This is the record of it, shortened:\n\n{}\n\
         Exact tests found these kinds of failure in it: {}.\n\
         Which one explains the failure best? And in one sentence: what went wrong, and what change to the agent's prompt, \
         modules or settings could prevent it in tasks of this kind? Do not speak of this task's own words or answer.\n\
         Reply with JSON: {{\"category\": one of the kinds, \"note\": the sentence}}.",
        transcript(trace, TRANSCRIPT),
        names.join(", "),
    );
    let schema = json!({
        "type": "object",
        "properties": {"category": {"type": "string", "enum": names}, "note": {"type": "string"}},
        "required": ["category", "note"],
        "additionalProperties": false,
    });
    Question { stage: Stage::Digester, prompt, schema, max_tokens: 200 }
}
