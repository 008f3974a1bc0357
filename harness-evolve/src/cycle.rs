//! The run: round after round of digest, plan, propose, criticise, screen, judge, ship, until something ends it. A function
//! of settings, catalogue, initial harness and outcomes: resumed, it is played again and must decide the same. Refuses
//! any state that is not made of decisions in the ledger and rollouts in the record.

mod screening;

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::{
    Alpha, Certificate, DuelPlan, ErrorBudget, FoldLedger, NextFold, PlannedGroup, Split, Verdict, draw_order,
};
use harness_spec::{Harness, Permission, VariantId};

use crate::arena::{Arena, ArenaError, Played, Rollout};
use crate::candidate::{Candidate, Origin};
use crate::config::EvolveConfig;
use crate::critic::{Critic, Known, Objection, wish};
use crate::digest::{Anchor, Digester, TaskDigest, inherit};
use crate::error::EvolveError;
use crate::events::{Clock, Event, Observer, Phase};
use crate::judge::{Judged, Match, Opened, Unfit, blocks, past};
use crate::landscape::{Landscape, Posterior};
use crate::ledger::Ledger;
use crate::outcome::{At, Begun, Ended, Evolution, Proposed, Refused, Round, RoundBegun, Ship, fingerprint};
use crate::planner::{Planner, UNCLAIMED_CATEGORY, View};
use crate::propose::{Evolver, candidate};
use crate::screen::Contender;
use crate::session::{Halt, Limits, Session, Stop};
use crate::stages::Stages;

/// Kind of the facts that hold a run's decisions.
pub const DECISIONS: &str = "evolve";

/// Evolves `initial` in `arena`. The same run id with the same settings continues where it was.
///
/// A stop by the arena, a budget or the clock is no error: the result says how it ended and holds what is known.
///
/// # Errors
/// The arena or the ledger failed, or the ledger holds other decisions.
pub async fn evolve<A: Arena, L: Ledger, S: Stages>(
    arena: &A,
    ledger: &L,
    config: &EvolveConfig,
    initial: &Harness,
    stages: &S,
    clock: &dyn Clock,
    observer: &dyn Observer,
) -> Result<Evolution, EvolveError> {
    let session = Session::open(arena, ledger, config, DECISIONS, Limits::of(config), clock, observer)?;
    let mut run = Run::begin(session, initial, stages)?;
    let ended = match run.rounds().await {
        Ok(stop) | Err(Halt::Spent(stop)) => {
            let (alpha_spent, last) = (run.purse.spent(), run.id(&run.incumbent));
            run.session.decide("ended", &Ended { ended: stop, alpha_spent, last })?;
            stop
        }
        Err(Halt::Interrupted) => Stop::Interrupted,
        Err(Halt::Failed(error)) => return Err(error),
    };
    Ok(run.finish(ended, initial))
}

struct Run<'a, A, L, S> {
    session: Session<'a, A, L>,
    stages: &'a S,
    incumbent: Harness,
    folds: FoldLedger,
    purse: ErrorBudget,
    /// Explore groups in drawn order.
    explore: Vec<PlannedGroup>,
    names: BTreeSet<String>,
    permissions: BTreeSet<Permission>,
    posterior: Posterior,
    tried: BTreeSet<VariantId>,
    rejected: BTreeSet<String>,
    /// Survivors that waited when another shipped.
    waiting: Vec<Candidate>,
    digests: BTreeMap<String, TaskDigest>,
    rounds: Vec<Round>,
    ships: Vec<Ship>,
    judged: Vec<Judged>,
    refused: Vec<Refused>,
}

impl<'a, A: Arena, L: Ledger, S: Stages> Run<'a, A, L, S> {
    fn begin(mut session: Session<'a, A, L>, initial: &Harness, stages: &'a S) -> Result<Self, EvolveError> {
        let (arena, config) = (session.arena, session.config);
        let (split, catalogue) = (arena.split(), arena.catalogue());
        arena.admits(initial).map_err(|error| match error {
            ArenaError::Stopped => EvolveError::Initial("stopped".to_owned()),
            ArenaError::Failed(why) => EvolveError::Initial(why),
        })?;
        let packs: Vec<_> = catalogue.packs().collect();
        session.decide(
            "begun",
            &Begun {
                config,
                suite: arena.suite(),
                initial,
                split: fingerprint(split)?,
                catalogue: fingerprint(&packs)?,
            },
        )?;
        let mut explore =
            draw_order(config.seed, "explore", arena.planned(&split.explore), |planned| planned.group.as_str());
        if config.explore_groups > 0 {
            explore.truncate(config.explore_groups);
        }
        if explore.is_empty() {
            return Err(EvolveError::NoGroups { what: "explore" });
        }
        if split.folds.iter().all(Vec::is_empty) {
            return Err(EvolveError::NoGroups { what: "gate" });
        }
        let groups: Vec<String> =
            [&split.explore, &split.sealed].into_iter().chain(&split.folds).flatten().cloned().collect();
        let tasks = arena.planned(&groups).into_iter().flat_map(|planned| planned.tasks);
        let names = tasks.chain(groups.iter().cloned()).collect();
        let specs = initial.processors.iter().chain(&initial.tools);
        let granted = specs.filter_map(|spec| catalogue.lookup(&spec.module).ok());
        let mut permissions = config.allowed_permissions.clone();
        permissions.extend(granted.flat_map(|entry| entry.module.permissions.iter().copied()));
        Ok(Self {
            folds: FoldLedger::new(split.folds.clone()),
            purse: config.purse(split.folds.len())?,
            tried: [initial.variant_id(catalogue)].into(),
            incumbent: initial.clone(),
            session,
            stages,
            explore,
            names,
            permissions,
            posterior: Posterior::default(),
            rejected: BTreeSet::new(),
            waiting: Vec::new(),
            digests: BTreeMap::new(),
            rounds: Vec::new(),
            ships: Vec::new(),
            judged: Vec::new(),
            refused: Vec::new(),
        })
    }

    fn id(&self, harness: &Harness) -> VariantId {
        harness.variant_id(self.session.arena.catalogue())
    }

    async fn rounds(&mut self) -> Result<Stop, Halt> {
        let config = self.session.config;
        let mut idle = 0;
        for round in 1..=config.rounds {
            if self.folds.open().is_none() {
                return Ok(Stop::Folds);
            }
            self.session.tell(&Event::Round { round, of: config.rounds });
            self.purse.open_round();
            let played = self.digest().await?;
            self.begin_round(round)?;
            if self.digests.values().all(TaskDigest::passes) {
                return Ok(Stop::NothingFails);
            }
            let candidates = self.propose(round).await?;
            if candidates.is_empty() {
                return Ok(Stop::NoCandidates);
            }
            let finalists = self.screen(round, candidates, &played).await?;
            let shipped = self.gate(round, finalists, &played).await?;
            idle = if shipped { 0 } else { idle + 1 };
            if idle >= config.idle_rounds.max(1) {
                return Ok(Stop::Idle);
            }
        }
        Ok(Stop::Rounds)
    }

    /// The incumbent on explore tasks, read.
    async fn digest(&mut self) -> Result<Vec<Played>, Halt> {
        let seeds = self.session.config.seeds();
        let tasks = self.explore.iter().flat_map(|planned| &planned.tasks);
        let rollouts: Vec<Rollout> =
            tasks.flat_map(|task| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed })).collect();
        let incumbent = self.incumbent.clone();
        let id = self.id(&incumbent);
        let played = self.session.insist(&incumbent, id, Split::Explore, Phase::Explore, &rollouts).await?;
        let mut digests: BTreeMap<String, TaskDigest> = BTreeMap::new();
        for one in played.iter().filter(|one| one.outcome.score().is_some()) {
            let entries = self.session.trace(one)?;
            let digest = digests.entry(one.rollout.task.clone()).or_insert_with(|| TaskDigest {
                task: one.rollout.task.clone(),
                group: one.group.clone(),
                ..TaskDigest::default()
            });
            self.stages.digester().read(digest, one, &entries);
        }
        inherit(&mut digests, &self.digests);
        self.digests = digests;
        Ok(played)
    }

    fn begin_round(&mut self, round: u32) -> Result<(), Halt> {
        let landscape = Landscape::of(&self.digests);
        let incumbent = self.id(&self.incumbent);
        self.session.decide("round", &RoundBegun { round, incumbent, landscape: &landscape })?;
        let digests = &self.digests;
        if let Some(ship) = self.ships.last_mut().filter(|ship| ship.unlocked.is_none()) {
            let unlock = &ship.candidate.manifest.unlock;
            let hits = unlock.iter().filter(|task| digests.get(*task).is_some_and(TaskDigest::passes)).count();
            ship.unlocked = Some((hits, unlock.len()));
        }
        self.session.say(format!(
            "round {round}: {} of {} explore tasks pass; {}",
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

    fn landscape(&self) -> Landscape {
        self.rounds.last().map(|round| round.landscape.clone()).unwrap_or_default()
    }

    /// Candidates the critic lets pass: rebased ones first, then new ones.
    async fn propose(&mut self, round: u32) -> Result<Vec<Candidate>, Halt> {
        let landscape = self.landscape();
        let config = self.session.config;
        let (incumbent, catalogue) = (&self.incumbent, self.session.arena.catalogue());
        let view = View { round, landscape: &landscape, incumbent, catalogue, posterior: &self.posterior, config };
        let mut refused = Vec::new();
        let mut candidates = Vec::new();
        for old in &self.waiting {
            // What it points at is read again from this round's traces.
            let mut manifest = old.manifest.clone();
            let meant = manifest.category.and_then(|category| landscape.cluster(category));
            let cluster = meant.or_else(|| landscape.clusters.first());
            manifest.evidence = cluster.map(|cluster| cluster.anchors.clone()).unwrap_or_default();
            match candidate(view, old.changes.clone(), Origin::Rebased(old.id.clone()), manifest) {
                Some(again) if candidates.iter().any(|other: &Candidate| other.variant == again.variant) => {}
                Some(again) => candidates.push(again),
                None => refused.push(Refused {
                    round,
                    candidate: old.id.clone(),
                    edit: old.edit.to_string(),
                    at: At::Rebase,
                    reason: "it cannot be made again for the new incumbent".to_owned(),
                }),
            }
        }
        let most = if round == 1 { config.first_candidates } else { config.candidates };
        let directions = self.stages.planner().plan(view).await?;
        let digests: Vec<TaskDigest> = self.digests.values().cloned().collect();
        let mut met = self.tried.clone();
        met.extend(candidates.iter().map(|candidate: &Candidate| candidate.variant));
        candidates.extend(self.stages.evolver().propose(view, &directions, &digests, &met, most).await?);
        for (number, candidate) in candidates.iter_mut().enumerate() {
            candidate.id = format!("{round}.{:02}", number + 1);
        }
        let anchors: BTreeSet<Anchor> = self.digests.values().flat_map(|digest| digest.anchors.clone()).collect();
        let known = Known { rejected: &self.rejected, anchors: &anchors, names: &self.names };
        let objections: Vec<Option<Objection>> = self.stages.critic().review(view, &candidates, &known).await?;
        let mut kept = Vec::new();
        for (candidate, objection) in candidates.into_iter().zip(objections) {
            self.tried.insert(candidate.variant);
            match objection {
                Some(objection) => refused.push(Refused {
                    round,
                    candidate: candidate.id,
                    edit: candidate.edit.to_string(),
                    at: At::Critic,
                    reason: objection.to_string(),
                }),
                None => kept.push(candidate),
            }
        }
        self.session.decide("proposed", &Proposed { round, candidates: &kept, refused: &refused })?;
        if let Some(summary) = self.rounds.last_mut() {
            summary.proposed = kept.len() + refused.len();
            summary.refused = refused.len();
        }
        self.session.say(format!("round {round}: {} candidates, {} refused by the critic", kept.len(), refused.len()));
        self.refused.extend(refused);
        self.waiting.clear();
        Ok(kept)
    }

    fn count(&mut self, candidate: &Candidate, gains: f64, losses: f64) {
        let category = candidate.manifest.category.map_or(UNCLAIMED_CATEGORY, |category| category.name());
        for module in &candidate.manifest.modules {
            self.posterior.count(module, category, gains, losses);
        }
    }

    /// Duels in order of rank until one ships. Whether one did.
    async fn gate(&mut self, round: u32, finalists: Vec<Contender>, played: &[Played]) -> Result<bool, Halt> {
        let mut waiting = finalists.into_iter();
        while let Some(contender) = waiting.next() {
            if let Some(unfit) = self.session.unfit(&contender, &self.incumbent, &self.permissions)? {
                self.refuse(round, &contender.candidate, &unfit)?;
                continue;
            }
            let Some((fold, groups)) = self.folds.open() else { return Ok(false) };
            let alpha = self.purse.grant();
            if alpha == Alpha::ZERO {
                return Ok(false);
            }
            let groups = self.session.arena.planned(groups);
            let incumbent = (self.incumbent.clone(), self.id(&self.incumbent));
            let terms = self.session.terms(&contender.candidate, incumbent.1, fold, alpha)?;
            let plan = DuelPlan::draw(terms.clone(), groups);
            plan.check()?;
            let candidate = contender.candidate.id.clone();
            let (groups, order) = (plan.order.len(), plan.order_digest());
            self.session.decide("duel", &Opened { round, candidate: &candidate, terms: &terms, groups, order })?;
            let arms = Match {
                incumbent: (&incumbent.0, incumbent.1),
                candidate: (&contender.candidate.harness, contender.candidate.variant),
            };
            let (certificate, mut stop) = self.session.duel(plan, Split::Gate, Phase::Duel, arms).await?;
            let mut panel = None;
            if certificate.verdict == Verdict::Accept {
                let past = past(&self.explore, played);
                if let Some((ruled, why)) = self.session.panel(terms, &past, arms).await? {
                    panel = Some(ruled);
                    stop = stop.or(why);
                }
            }
            // A panel that could not be heard blocks.
            let ships = certificate.verdict == Verdict::Accept && !blocks(panel.as_ref()) && stop.is_none();
            let judged = Judged {
                round,
                candidate,
                edit: contender.candidate.edit.to_string(),
                estimate: contender.estimate,
                certificate,
                panel,
                ships,
            };
            self.session.decide("verdict", &judged)?;
            self.session.say(format!("round {round}: {} — {}", judged.edit, judged.reason()));
            if let Some(summary) = self.rounds.last_mut() {
                summary.judged += 1;
            }
            self.judged.push(judged.clone());
            if let Some(stop) = stop {
                return Err(Halt::Spent(stop));
            }
            if ships {
                self.ship(round, contender.candidate, judged.certificate, waiting.map(|left| left.candidate))?;
                return Ok(true);
            }
            self.rejected.insert(wish(&contender.candidate.changes));
            self.count(&contender.candidate, 0.0, 1.0);
        }
        Ok(false)
    }

    fn refuse(&mut self, round: u32, candidate: &Candidate, unfit: &Unfit) -> Result<(), Halt> {
        let refused = Refused {
            round,
            candidate: candidate.id.clone(),
            edit: candidate.edit.to_string(),
            at: At::Check,
            reason: unfit.to_string(),
        };
        self.session.decide("unfit", &refused)?;
        self.session.say(format!("round {round}: {} — {unfit}", refused.edit));
        self.refused.push(refused);
        self.count(candidate, 0.0, 1.0);
        Ok(())
    }

    fn ship(
        &mut self,
        round: u32,
        candidate: Candidate,
        certificate: Certificate,
        waiting: impl Iterator<Item = Candidate>,
    ) -> Result<(), Halt> {
        self.count(&candidate, 1.0, 0.0);
        let ship = Ship {
            round,
            text: candidate.edit.to_string(),
            inverse: candidate.edit.invert(),
            from: self.id(&self.incumbent),
            certificate,
            harness: candidate.harness.clone(),
            unlocked: None,
            candidate,
        };
        self.session.decide("shipped", &ship)?;
        self.session.say(format!("round {round}: shipped {}", ship.text));
        self.incumbent = ship.harness.clone();
        if let Some(summary) = self.rounds.last_mut() {
            summary.shipped = Some(ship.candidate.id.clone());
        }
        self.rejected.clear();
        // What they share with the shipped edit is done; who has nothing else to offer does not begin again.
        let rest = waiting.map(|left| {
            let changes: Vec<_> =
                left.changes.into_iter().filter(|change| !ship.candidate.changes.contains(change)).collect();
            Candidate { changes, ..left }
        });
        self.waiting = rest.filter(|left| !left.changes.is_empty()).collect();
        self.ships.push(ship);
        self.purse.ship();
        // Folds that have run out are met at the head of the next round.
        let _: NextFold = self.folds.ship();
        Ok(())
    }

    fn finish(self, ended: Stop, initial: &Harness) -> Evolution {
        Evolution {
            config: self.session.config.clone(),
            suite: self.session.arena.suite().to_owned(),
            initial: initial.clone(),
            last: self.incumbent,
            rounds: self.rounds,
            ships: self.ships,
            judged: self.judged,
            refused: self.refused,
            ended,
            guarantee: self.folds.guarantee(),
            alpha_spent: self.purse.spent(),
            posterior: self.posterior,
            meter: self.session.meter,
        }
    }
}
