//! Plays the episodes that answer calls of tools, side by side.

use std::{future::Future, pin::Pin, sync::Arc};

use harness_abi::{ModuleError, Role};
use harness_trace::{EpisodeEnd, Recorder};
use tokio::task::JoinSet;

use crate::{
    assembled::Assembled,
    cancel::Cancel,
    clock::Clock,
    effect::{InnerEnd, InnerEpisode},
    episode::{Episode, EpisodeSpec, RunError, Start},
};

/// An episode that is played; boxed, because in an episode of a harness lies one of a harness.
pub(crate) type Playing = Pin<Box<dyn Future<Output = Result<Episode, RunError>> + Send>>;

pub(crate) struct EpisodeExecutor {
    /// How an episode is played: the engine itself, which this part of it does not know.
    pub play: fn(Arc<Assembled>, EpisodeSpec) -> Playing,
    pub recorder: Arc<dyn Recorder>,
    pub clock: Arc<dyn Clock>,
    pub replay: bool,
    /// The outer episode's.
    pub cancel: Cancel,
    /// Stops those that play and no other. Dropped, the set ends them.
    pub stop: Cancel,
    pub playing: JoinSet<(usize, Result<Episode, RunError>)>,
}

impl EpisodeExecutor {
    /// Begins an episode.
    pub fn start(&mut self, inner: InnerEpisode) {
        if self.playing.is_empty() {
            self.stop = self.cancel.below();
        }
        let task = inner.meta.task.clone();
        let mut spec = EpisodeSpec::new(inner.meta, Start::Prompt(task), self.recorder.clone());
        spec.cancel = self.stop.clone();
        spec.replay = self.replay;
        spec.completed = inner.completed;
        spec.clock = self.clock.clone();
        spec.workspace = inner.workspace;
        spec.hook_deadline_micros = inner.hook_deadline_micros;
        spec.allowance = Some(inner.allowance);
        let playing = (self.play)(inner.harness, spec);
        let call = inner.call;
        self.playing.spawn(async move { (call, playing.await) });
    }

    /// Waits for the next to end.
    pub async fn ended(&mut self) -> Result<Option<InnerEnd>, RunError> {
        Ok(match self.playing.join_next().await {
            None => None,
            Some(Ok((call, episode))) => {
                let episode = episode?;
                let words = last_words(&episode);
                Some(InnerEnd { call: Some(call), ended: Ok((episode.end, words)) })
            }
            Some(Err(died)) => {
                let error = ModuleError::fault(format_args!("an inner episode died: {died}"));
                Some(InnerEnd { call: None, ended: Err(error) })
            }
        })
    }

    /// Stops those that play; gives how they ended.
    pub async fn abandon(&mut self) -> Result<Vec<EpisodeEnd>, RunError> {
        self.stop.cancel();
        let mut ends = Vec::new();
        while let Some(joined) = self.playing.join_next().await {
            if let Ok((_, episode)) = joined {
                ends.push(episode?.end);
            }
        }
        Ok(ends)
    }
}

/// The last thing the model said.
fn last_words(episode: &Episode) -> String {
    let said = episode.history.iter().rev().find(|message| message.role() == Role::Assistant);
    said.map_or_else(String::new, |message| message.text().trim().to_owned())
}
