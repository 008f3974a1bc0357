//! One certificate against everything there is to hold it against: its own pairs, the record, the settings, the groups ahead. Refuses
//! to stop at the first thing that differs.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::{Alpha, Certificate, Outcome, Pair, PlannedGroup, Unit, recheck};
use harness_spec::VariantId;

use super::state::{Check, Checked, Recorded, Standing};
use crate::error::EvolveError;
use crate::evaluator::JudgedOutcome;
use crate::judge::{Assignment, Test, price};

/// What a certificate is held to.
pub(super) struct Held<'a> {
    pub round: u32,
    pub candidate: &'a str,
    pub alpha: Alpha,
    /// The harness that may play for the candidate where the two differ, if it was proposed; any of its pool may elsewhere.
    pub new: Option<VariantId>,
    pub old: &'a Standing,
}

impl<R: Recorded> Check<'_, R> {
    /// One certificate against everything there is to hold it against. Gives who played what.
    pub(super) fn certificate(
        &mut self,
        test: Test,
        certificate: &Certificate,
        held: &Held<'_>,
    ) -> Result<Vec<Assignment>, EvolveError> {
        let mut differs = Vec::new();
        let terms = &certificate.plan.terms;
        let place = self.opened.iter().position(|open| (open.test, open.candidate.as_str()) == (test, held.candidate));
        let open = place.map(|place| self.opened.remove(place));
        match &open {
            Some(open) if open.terms == *terms && open.order == certificate.order_digest => {}
            Some(_) => differs.push("it is not the test that was opened before the first outcome".to_owned()),
            None => differs.push("no such test was opened before its first outcome".to_owned()),
        }
        let (scope, assignments) = open.map(|open| (open.scope, open.assignments)).unwrap_or_default();
        let tasks = |planned: &[PlannedGroup]| -> BTreeMap<String, Vec<String>> {
            planned.iter().map(|planned| (planned.group.clone(), planned.tasks.clone())).collect()
        };
        let mut used_up = terms.used_up;
        if test == Test::Panel {
            self.protected(&certificate.plan.order, &assignments, &mut differs);
        } else if let Some((number, groups)) = self.ahead(&scope) {
            used_up = number;
            if tasks(&groups) != tasks(&certificate.plan.order) {
                differs.push("its groups are not those that no ship had used up".to_owned());
            }
        } else {
            differs.push("no gate group was left for it".to_owned());
        }
        // Who the candidate is was said when the test was opened; who it meets is what the run had come to.
        let due = test.terms(&self.config, (&held.old.id, &terms.candidate), used_up, held.alpha)?;
        if due.alpha != terms.alpha {
            let (granted, stated) = (due.alpha.value(), terms.alpha.value());
            differs.push(format!("its level is {stated}, and the purse grants {granted}"));
        }
        if due != *terms {
            differs.push("its terms are not those of the run's settings".to_owned());
        }
        let parts = scope.len() < self.cohorts.len();
        if test != Test::Panel {
            self.look(&scope, certificate);
        }
        self.seated(certificate, &assignments, held, parts, &mut differs);
        if let Err(error) = recheck(certificate) {
            differs.push(error.to_string());
        }
        let pairs: Vec<Pair> = certificate.counted.iter().flat_map(|group| group.pairs.iter().cloned()).collect();
        let episodes = self.pairs(&pairs, &assignments, &mut differs);
        self.found.certificates.push(Checked {
            round: held.round,
            candidate: held.candidate.to_owned(),
            test,
            verdict: certificate.verdict,
            groups: certificate.groups,
            episodes,
            differs,
        });
        Ok(assignments)
    }

    /// Everybody who plays belongs to one of the two sides. A candidate that is tested on some cohorts only (`parts`) forks: what
    /// it names then is the pool it would make.
    fn seated(
        &self,
        certificate: &Certificate,
        assignments: &[Assignment],
        held: &Held<'_>,
        parts: bool,
        differs: &mut Vec<String>,
    ) {
        let old: BTreeSet<VariantId> = held.old.variants.values().copied().collect();
        let new = |id: &VariantId| {
            held.new.is_none_or(|new| new == *id) || self.now.variants.values().any(|other| other == id)
        };
        if !assignments.iter().all(|assignment| old.contains(&assignment.incumbent) && new(&assignment.candidate)) {
            differs.push("a harness played in it that belongs to neither side".to_owned());
        }
        let several = self.now.variants.len() > 1;
        let one = |arm: fn(&Assignment) -> VariantId, id: &String, pool: bool| match assignments {
            [assignment] => arm(assignment).to_string() == *id || pool,
            _ => true,
        };
        let terms = &certificate.plan.terms;
        if !one(|assignment| assignment.incumbent, &terms.incumbent, several)
            || !one(|assignment| assignment.candidate, &terms.candidate, several || parts)
        {
            differs.push("others played in it than it names".to_owned());
        }
    }

    /// A panel's groups passed every time, on outcomes that are not the panel's.
    fn protected(&self, panel: &[PlannedGroup], assignments: &[Assignment], differs: &mut Vec<String>) {
        let seeds = self.config.seeds();
        let passes = |task: &String| {
            let Some(assignment) = assignments.iter().find(|assignment| assignment.tasks.contains(task)) else {
                return false;
            };
            let incumbent = assignment.incumbent.to_string();
            seeds.iter().all(|&seed| {
                let played = self.recorded.played(&incumbent, task, seed);
                played.is_some_and(|played| played.judged().score() == Some(Unit::ONE))
            })
        };
        if let Some(planned) = panel.iter().find(|planned| !planned.tasks.iter().all(passes)) {
            differs.push(format!("its group {} did not pass reliably before", planned.group));
        }
    }

    /// Pairs against the recorded outcomes. How many episodes were compared.
    pub(super) fn pairs(&self, pairs: &[Pair], assignments: &[Assignment], differs: &mut Vec<String>) -> usize {
        let mut met: BTreeSet<String> = BTreeSet::new();
        for pair in pairs {
            let (task, seed) = (&pair.task, pair.seed);
            let Some(assignment) = assignments.iter().find(|assignment| assignment.tasks.contains(task)) else {
                differs.push(format!("task {task}: nobody was said to play it"));
                continue;
            };
            let arm = |harness: VariantId, stated: Outcome| match self.recorded.played(&harness.to_string(), task, seed)
            {
                Some(played) if played.judged() == stated => Ok(Some(played)),
                // What the infrastructure lost in this attempt may have been played for another test.
                _ if stated == Outcome::Infrastructure => Ok(None),
                Some(played) => {
                    Err(format!("task {task} seed {seed}: it says {stated:?}, the record says {:?}", played.judged()))
                }
                None => Err(format!("task {task} seed {seed}: the record has no such episode")),
            };
            match (arm(assignment.incumbent, pair.incumbent), arm(assignment.candidate, pair.candidate)) {
                (Ok(Some(a)), Ok(Some(b))) => {
                    match price(self.config.objective, (&a, &b), |played| self.recorded.latency(played)) {
                        Ok(found) if found == pair.price => {}
                        Ok(_) => differs.push(format!("task {task} seed {seed}: its prices differ")),
                        Err(why) => differs.push(why),
                    }
                    met.extend([a.episode, b.episode]);
                }
                (Ok(_), Ok(_)) => {}
                (a, b) => differs.extend([a.err(), b.err()].into_iter().flatten()),
            }
        }
        met.len()
    }
}
