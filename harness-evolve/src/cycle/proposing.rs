//! The first half of a round: the incumbent is digested, directions are planned, candidates made, reviewed and put in
//! order. Refuses to read an episode twice, and to hand a candidate on that has an objection against it.

use std::collections::{BTreeMap, BTreeSet};

use harness_trace::{EpisodeResult, Rollout, Split};

use super::forking::Start;
use super::run::Run;
use crate::admission::candidate;
use crate::candidate::{Candidate, Origin};
use crate::critic::{Critic, Known};
use crate::digest::{Anchor, TaskDigest, inherit, note};
use crate::digester::Digester;
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, JudgedOutcome};
use crate::events::Phase;
use crate::history::Predictions;
use crate::landscape::Landscape;
use crate::ledger::Ledger;
use crate::outcome::{At, Proposed, Refused, Round, RoundBegun};
use crate::planner::Planner;
use crate::propose::Evolver;
use crate::session::Halt;
use crate::stages::Stages;
use crate::view::View;

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    /// The incumbent on explore tasks, read.
    pub(super) async fn digest(&mut self, round: u32) -> Result<Vec<EpisodeResult>, Halt> {
        let seeds = self.session.config.seeds();
        let cohorts = self.cohorts.all.iter().flat_map(|cohort| &cohort.explore);
        let tasks = cohorts.flat_map(|planned| &planned.tasks);
        let rollouts: Vec<Rollout> =
            tasks.flat_map(|task| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed })).collect();
        let pool = self.pool.clone();
        let played = self.session.insist_pool(&pool, Split::Explore, Phase::Explore, &rollouts).await?;
        let mut digests = self.digests_of(&played)?;
        inherit(&mut digests, &self.digests);
        let landscape = Landscape::of(&digests);
        let evaluator = self.session.evaluator;
        let traces = |episode: &str| {
            let one = played.iter().find(|one| one.episode == episode);
            let one = one.ok_or_else(|| EvolveError::Evaluator(format!("episode {episode} is not of this round")))?;
            evaluator.trace(one).map_err(|why| EvolveError::Evaluator(why.to_string()))
        };
        let notes = self.stages.digester().look_again(self.view(round, &landscape), &digests, &traces).await?;
        note(&mut digests, notes);
        self.session.spent_by_stages(self.stages.spent());
        self.digests = digests;
        Ok(played)
    }

    /// Digests of what was played, by task; an episode that was read before is not read again.
    pub(super) fn digests_of(&mut self, played: &[EpisodeResult]) -> Result<BTreeMap<String, TaskDigest>, Halt> {
        let mut digests: BTreeMap<String, TaskDigest> = BTreeMap::new();
        for one in played.iter().filter(|one| one.judged().score().is_some()) {
            if !self.read.contains_key(&one.episode) {
                let trace = self.session.trace(one)?;
                self.read.insert(one.episode.clone(), self.stages.digester().read(one, &trace));
            }
            let digest = digests.entry(one.rollout.task.clone()).or_insert_with(|| TaskDigest {
                task: one.rollout.task.clone(),
                group: one.group.clone(),
                ..TaskDigest::default()
            });
            if let Some(read) = self.read.get(&one.episode) {
                digest.add(read);
            }
        }
        Ok(digests)
    }

    pub(super) fn begin_round(&mut self, round: u32) -> Result<(), Halt> {
        let landscape = Landscape::of(&self.here());
        let incumbent = self.id(&self.incumbent);
        let (cell, variant) = (self.cohorts.here().cell.clone(), self.variant.clone());
        self.session
            .decide("round", &RoundBegun { round, incumbent, cell: &cell, variant: &variant, landscape: &landscape })?;
        if let Some(ship) = self.ships.last_mut().filter(|ship| ship.unlocked.is_none()) {
            let scored = Predictions::score(ship.round, &ship.candidate.manifest, &self.digests);
            ship.unlocked = Some((scored.unlock.hits, scored.unlock.predicted));
            let there = self.rounds.iter().find(|round| round.round == ship.round).map(|round| &round.cell);
            let cohort = self.cohorts.all.iter_mut().find(|cohort| Some(&cohort.cell) == there);
            cohort.into_iter().for_each(|cohort| cohort.history.predictions.push(scored.clone()));
        }
        self.session.say(format!(
            "round {round}: {}{} of {} explore tasks pass; {}",
            if cell.is_everything() { String::new() } else { format!("{cell}: ") },
            landscape.passed,
            landscape.tasks,
            landscape
                .clusters
                .iter()
                .map(|cluster| format!("{} {}", cluster.tasks.len(), cluster.category.name()))
                .collect::<Vec<_>>()
                .join(", ")
        ));
        self.rounds.push(Round {
            round,
            cell,
            incumbent,
            landscape,
            proposed: 0,
            refused: 0,
            screened: Vec::new(),
            judged: 0,
            shipped: None,
        });
        Ok(())
    }

    pub(super) fn landscape(&self) -> Landscape {
        self.rounds.last().map(|round| round.landscape.clone()).unwrap_or_default()
    }

    /// What the stages may look at.
    pub(super) fn view<'v>(&'v self, round: u32, landscape: &'v Landscape) -> View<'v> {
        View {
            round,
            landscape,
            incumbent: &self.incumbent,
            catalogue: self.session.evaluator.catalogue(),
            posterior: &self.posterior,
            history: &self.cohorts.here().history,
            config: self.session.config,
        }
    }

    /// Who waited, made again for the present incumbent; what cannot be made again is refused.
    fn rebased(&self, view: View<'_>, refused: &mut Vec<Refused>) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for old in &self.cohorts.here().waiting {
            // What it points at is read again from this round's traces.
            let mut manifest = old.manifest.clone();
            let meant = manifest.category.as_ref().and_then(|category| view.landscape.cluster(category));
            let cluster = meant.or_else(|| view.landscape.clusters.first());
            manifest.evidence = cluster.map(|cluster| cluster.anchors.clone()).unwrap_or_default();
            match candidate(view, old.changes.clone(), Origin::Rebased(old.id.clone()), manifest) {
                Some(again) if candidates.iter().any(|other| other.variant == again.variant) => {}
                Some(again) => candidates.push(again),
                None => {
                    let reason = "it cannot be made again for the new incumbent".to_owned();
                    refused.push(refusal(view.round, old, At::Rebase, reason));
                }
            }
        }
        candidates
    }

    /// Candidates the critic lets pass, in its order: as many as the settings say, and those made again on top.
    pub(super) async fn propose(&mut self, round: u32) -> Result<Vec<Candidate>, Halt> {
        let starts = self.starts().await?;
        let landscape = self.landscape();
        let view = self.view(round, &landscape);
        let mut refused = Vec::new();
        let mut candidates = self.rebased(view, &mut refused);
        let most = match self.rounds.iter().filter(|round| round.cell == self.cohorts.here().cell).count() {
            0 | 1 => view.config.first_candidates,
            _ => view.config.candidates,
        };
        let directions = self.stages.planner().plan(view).await?;
        let digests: Vec<TaskDigest> = self.here().into_values().collect();
        let mut met = self.cohorts.here().tried.clone();
        met.extend(candidates.iter().map(|candidate| candidate.variant));
        // Half as many again: what is refused leaves no place empty, and the critic has something to choose from.
        let wanted = most + most.div_ceil(2);
        let fresh = self.stages.evolver().propose(view, &directions, &digests, &met, wanted).await?;
        met.extend(fresh.iter().map(|candidate| candidate.variant));
        let started = self.started(view, &starts, &mut met, most).await?;
        let apart: BTreeSet<_> = candidates.iter().chain(&started).map(|candidate| candidate.variant).collect();
        candidates.extend(fresh.into_iter().chain(started));
        for (number, candidate) in candidates.iter_mut().enumerate() {
            candidate.id = format!("{round}.{:02}", number + 1);
        }
        let (passed, turned_down) = self.reviewed(view, candidates, &starts).await?;
        let mut met: Vec<_> = turned_down.iter().map(|(candidate, _)| candidate.variant).collect();
        refused.extend(
            turned_down.iter().map(|(candidate, reason)| refusal(round, candidate, At::Critic, reason.clone())),
        );
        let mut passed: Vec<Option<Candidate>> = passed.into_iter().map(Some).collect();
        let standing: Vec<Candidate> = passed.iter().flatten().cloned().collect();
        let order = self.stages.critic().rank(view, &standing).await?;
        let mut kept: Vec<Candidate> = order.into_iter().filter_map(|place| passed.get_mut(place)?.take()).collect();
        // Those made again and those that begin elsewhere take nobody's place.
        let mut places = most;
        kept.retain(|candidate| {
            let holds = apart.contains(&candidate.variant) || places > 0;
            places -= usize::from(holds && !apart.contains(&candidate.variant));
            holds
        });
        let spent = self.stages.spent();
        met.extend(kept.iter().map(|candidate| candidate.variant));
        self.cohorts.here_mut().tried.extend(met);
        self.session.spent_by_stages(spent);
        self.session.decide("proposed", &Proposed { round, candidates: &kept, refused: &refused })?;
        if let Some(summary) = self.rounds.last_mut() {
            summary.proposed = kept.len() + refused.len();
            summary.refused = refused.len();
        }
        self.session.say(format!("round {round}: {} candidates, {} refused by the critic", kept.len(), refused.len()));
        self.refused.extend(refused);
        self.cohorts.here_mut().waiting.clear();
        Ok(kept)
    }

    /// Those without objection, and the others with what is said against them. A candidate that can be mended is mended
    /// once and reviewed again.
    async fn reviewed(
        &self,
        view: View<'_>,
        candidates: Vec<Candidate>,
        starts: &[Start],
    ) -> Result<(Vec<Candidate>, Vec<(Candidate, String)>), Halt> {
        let read = self.digests.values().chain(starts.iter().flat_map(|start| start.digests.values()));
        let anchors: BTreeSet<Anchor> = read.flat_map(|digest| digest.anchors.clone()).collect();
        let tasks: BTreeSet<String> = self.digests.keys().cloned().collect();
        let (rejected, names, permissions) = (&self.cohorts.here().rejected, &self.names, &self.permissions);
        let known = Known { rejected, anchors: &anchors, names, tasks: &tasks, permissions };
        let (critic, evolver) = (self.stages.critic(), self.stages.evolver());
        let mut met: BTreeSet<_> = candidates.iter().map(|candidate| candidate.variant).collect();
        met.extend(&self.cohorts.here().tried);
        let objections = critic.review(view, &candidates, &known).await?;
        let (mut passed, mut refused, mut revised) = (Vec::new(), Vec::new(), Vec::new());
        let mut number = candidates.len();
        for (candidate, objection) in candidates.into_iter().zip(objections) {
            let Some(objection) = objection else {
                passed.push(candidate);
                continue;
            };
            let mended = evolver.revise(view, &candidate, &objection).await?;
            let same = candidate.variant;
            match mended.filter(|mended| mended.variant == same || met.insert(mended.variant)) {
                Some(mended) => {
                    number += 1;
                    let id = format!("{}.{number:02}", view.round);
                    refused.push((candidate, format!("{objection}; revised as {id}")));
                    revised.push(Candidate { id, ..mended });
                }
                None => refused.push((candidate, objection.to_string())),
            }
        }
        if !revised.is_empty() {
            let objections = critic.review(view, &revised, &known).await?;
            for (candidate, objection) in revised.into_iter().zip(objections) {
                match objection {
                    Some(objection) => refused.push((candidate, objection.to_string())),
                    None => passed.push(candidate),
                }
            }
        }
        Ok((passed, refused))
    }
}

fn refusal(round: u32, candidate: &Candidate, at: At, reason: String) -> Refused {
    Refused { round, candidate: candidate.id.clone(), edit: candidate.edit.to_string(), at, reason }
}
