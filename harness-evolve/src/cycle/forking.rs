//! Where a candidate belongs: in the place of the variant it edits, or beside it as a variant for one cohort, which is what
//! happens to an edit that helps there and not everywhere. Refuses to decide by outcomes of the gate.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::draw_order;
use harness_spec::{Cell, Change, Harness, Op, Pool, Position, VariantId, diff};
use harness_trace::{Rollout, Split};

use super::run::Run;
use crate::admission::candidate;
use crate::candidate::{Candidate, Manifest, Origin};
use crate::config::EditKind;
use crate::digest::TaskDigest;
use crate::evaluator::Evaluator;
use crate::events::Phase;
use crate::landscape::Landscape;
use crate::ledger::Ledger;
use crate::planner::Planner;
use crate::propose::Evolver;
use crate::screen::{Contender, Ladder, scores};
use crate::session::Halt;
use crate::stages::Stages;
use crate::view::View;

/// A candidate in the pool it would give.
pub(super) struct Placed {
    /// What would ship.
    pub pool: Pool,
    /// The cohorts on which it differs from the present pool: where it is judged.
    pub scope: Vec<usize>,
    /// The variant's name.
    pub name: String,
    /// The cell it was forked for.
    pub fork: Option<Cell>,
    /// Who goes to make room.
    pub retired: Option<String>,
}

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    /// Cohorts that a variant serves.
    fn served(&self, name: &str) -> Vec<usize> {
        let cohorts = self.cohorts.all.iter().enumerate();
        cohorts.filter(|(_, cohort)| self.pool.route(&cohort.like) == name).map(|(number, _)| number).collect()
    }

    /// Where a survivor belongs; `None` if there is no room for it.
    pub(super) async fn place(&mut self, contender: &Contender) -> Result<Option<Placed>, Halt> {
        let (here, served) = (self.cohorts.at, self.served(&self.variant));
        let new = &contender.candidate.harness;
        let mut helps_everywhere = true;
        for &cohort in served.iter().filter(|&&cohort| cohort != here) {
            helps_everywhere = helps_everywhere
                && self.cohorts.ahead(&[cohort]).is_some()
                && self.gain(&contender.candidate, cohort).await? > 0.0;
        }
        if helps_everywhere {
            let mut pool = self.pool.clone();
            pool.variants.insert(self.variant.clone(), new.clone());
            return Ok(Some(Placed { pool, scope: served, name: self.variant.clone(), fork: None, retired: None }));
        }
        let cell = self.cohorts.here().cell.clone();
        let name = self.free_name(&cell);
        let pool = self.pool.forked(&name, new.clone(), cell.clone());
        if pool.variants.len() <= self.session.config.variants {
            return Ok(Some(Placed { pool, scope: vec![here], name, fork: Some(cell), retired: None }));
        }
        let Some(weakest) = self.weakest(&pool, &name) else { return Ok(None) };
        let mut scope = self.served(&weakest);
        scope.push(here);
        scope.sort_unstable();
        scope.dedup();
        let smaller = pool.retired(&weakest).ok().filter(|_| self.cohorts.ahead(&scope).is_some());
        Ok(smaller.map(|pool| Placed { pool, scope, name, fork: Some(cell), retired: Some(weakest) }))
    }

    /// What a candidate is worth on explore tasks of another cohort: a quarter of a screen tells harm from help.
    async fn gain(&mut self, candidate: &Candidate, cohort: usize) -> Result<f64, Halt> {
        let config = self.session.config;
        let tasks = self.cohorts.all[cohort].explore.iter().flat_map(|planned| planned.tasks.clone()).collect();
        let order: Vec<String> = draw_order(config.seed, "placing", tasks, String::as_str);
        let rollouts = of_tasks(&order, &config.seeds());
        let pool = self.pool.clone();
        let before = self.session.insist_pool(&pool, Split::Explore, Phase::Explore, &rollouts).await?;
        let ladder = Ladder::new(&order, scores(&before), config.seeds());
        let played = self.session.try_out(&ladder, candidate, config.screen_tasks.div_ceil(4).max(2)).await?;
        Ok(ladder.estimate(&played))
    }

    /// A name for a cell's variant.
    fn free_name(&self, cell: &Cell) -> String {
        let wanted = cell.suite.as_ref().or(cell.kind.as_ref()).map_or("variant", String::as_str);
        let plain: String = wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let taken = |name: &String| self.pool.variants.contains_key(name);
        if !taken(&plain) {
            return plain;
        }
        (2..).map(|n| format!("{plain}_{n}")).find(|name| !taken(name)).unwrap_or(plain)
    }

    /// The variant that passes fewest explore tasks; neither the new one nor the fallback.
    fn weakest(&self, pool: &Pool, new: &str) -> Option<String> {
        let passes = |name: &String| -> usize {
            let tasks = self.served(name).into_iter().flat_map(|cohort| self.cohorts.tasks(cohort));
            tasks.filter(|task| self.digests.get(*task).is_some_and(TaskDigest::passes)).count()
        };
        let names = pool.variants.keys().filter(|name| *name != new && **name != pool.fallback);
        names.min_by_key(|name| passes(name)).cloned()
    }

    /// The harnesses somebody wrote for this cohort, while it has no variant of its own, each played there and read: what to
    /// change about a harness is seen where that harness fails. With one cohort those of every part come into question.
    pub(super) async fn starts(&mut self) -> Result<Vec<Start>, Halt> {
        let cell = self.cohorts.here().cell.clone();
        if self.served(&self.variant).len() < 2 && !cell.is_everything() {
            return Ok(Vec::new());
        }
        let config = self.session.config;
        let mine = |part: &str| cell.is_everything() || cell.suite.as_deref() == Some(part);
        let tasks: Vec<String> = self.cohorts.tasks(self.cohorts.at).into_iter().map(str::to_owned).collect();
        let rollouts = of_tasks(&tasks, &config.seeds());
        let mut starts = Vec::new();
        for (_, start) in config.starts.iter().filter(|(part, _)| mine(part)) {
            let base = Harness { models: self.incumbent.models.clone(), ..start.clone() };
            if base == self.incumbent {
                continue;
            }
            let played = self.session.insist(&base, Split::Explore, Phase::Explore, &rollouts).await?;
            let digests = self.digests_of(&played)?;
            starts.push(Start { landscape: Landscape::of(&digests), base, digests });
        }
        Ok(starts)
    }

    /// Candidates that begin with such a harness: the harness itself, and edits of it.
    pub(super) async fn started(
        &self,
        view: View<'_>,
        starts: &[Start],
        met: &mut BTreeSet<VariantId>,
        most: usize,
    ) -> Result<Vec<Candidate>, Halt> {
        let mut candidates = Vec::new();
        for Start { base, digests, landscape } in starts {
            let Some(changes) = wishes(&diff(view.incumbent, base).0) else { continue };
            let manifest = adopted(view, base);
            if let Some(plain) = candidate(view, changes.clone(), Origin::Proposed, manifest.clone())
                && met.insert(plain.variant)
            {
                candidates.push(plain);
            }
            let from = View { incumbent: base, landscape, ..view };
            let directions = self.stages.planner().plan(from).await?;
            let digests: Vec<TaskDigest> = digests.values().cloned().collect();
            for edited in self.stages.evolver().propose(from, &directions, &digests, met, most).await? {
                let both = changes.iter().cloned().chain(edited.changes).collect();
                let manifest = Manifest {
                    capability: [manifest.capability.clone(), edited.manifest.capability.clone()].concat(),
                    ..edited.manifest
                };
                if let Some(whole) = candidate(view, both, edited.origin, manifest)
                    && met.insert(whole.variant)
                {
                    candidates.push(whole);
                }
            }
        }
        Ok(candidates)
    }
}

/// A harness that somebody wrote for a part, and how it fares there.
pub(super) struct Start {
    /// The harness, with the models of the incumbent.
    base: Harness,
    /// What was read of it, by task.
    pub digests: BTreeMap<String, TaskDigest>,
    landscape: Landscape,
}

/// Every seed of every task.
fn of_tasks(tasks: &[String], seeds: &[u64]) -> Vec<Rollout> {
    let of = |task: &String| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed }).collect::<Vec<_>>();
    tasks.iter().flat_map(of).collect()
}

/// What is claimed of a harness that is taken over whole.
fn adopted(view: View<'_>, base: &Harness) -> Manifest {
    let shown = view.landscape.clusters.first();
    Manifest {
        kind: EditKind::Replace,
        directions: vec!["start".to_owned()],
        modules: base.processors.iter().chain(&base.tools).map(|spec| spec.module.to_string()).collect(),
        category: shown.map(|cluster| cluster.category.clone()),
        evidence: shown.map(|cluster| cluster.anchors.clone()).unwrap_or_default(),
        capability: vec!["a harness that somebody wrote for tasks of this part".to_owned()],
        unlock: shown.map(|cluster| cluster.tasks.clone()).unwrap_or_default(),
        stabilize: Vec::new(),
        at_risk: Vec::new(),
        signature: Vec::new(),
    }
}

/// Operations as wishes; `None` where one has no such form.
fn wishes(ops: &[Op]) -> Option<Vec<Change>> {
    let at = |after: &Option<String>| after.clone().map_or(Position::First, Position::After);
    let wish = |op: &Op| -> Option<Vec<Change>> {
        Some(match op.clone() {
            Op::Insert { place, after, module } => vec![Change::Insert {
                place,
                module: module.module,
                id: Some(module.id),
                config: module.config,
                at: at(&after),
            }],
            Op::Remove { place, module, .. } => vec![Change::Remove { place, id: module.id }],
            Op::Replace { place, old, new } if old.id == new.id => {
                vec![Change::Replace { place, id: new.id, module: new.module, config: new.config }]
            }
            Op::Replace { .. } => return None,
            Op::InsertRule { rule, .. } => vec![Change::Adapt { rule }],
            Op::RemoveRule { rule, .. } => vec![Change::Unadapt { id: rule.id }],
            Op::Move { place, id, to, .. } => vec![Change::Move { place, id, at: at(&to) }],
            Op::Configure { place, id, key, new, .. } => {
                vec![Change::Configure { place, id, key, value: new }]
            }
            Op::Model { role, new, .. } => vec![Change::Model { role, model: new }],
            Op::Set { key, new, .. } => vec![Change::Set { key, value: new }],
        })
    };
    Some(ops.iter().map(wish).collect::<Option<Vec<_>>>()?.concat())
}
