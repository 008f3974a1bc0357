//! The round's screen: halving, then the best candidate at other values, then pairs of the best. Refuses to let anything
//! on that promises nothing.

use evolve_gate::draw_order;

use super::run::Run;
use crate::candidate::{Candidate, Origin};
use crate::evaluator::Evaluator;
use crate::ledger::Ledger;
use crate::outcome::ScreenDone;
use crate::propose::{combine, tuned as tuned_of};
use crate::screen::{Contender, Ladder, scores};
use crate::session::Halt;
use crate::stages::Stages;
use harness_trace::EpisodeResult;

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    /// Halving, then the best one tuned, then pairs of the best; who promises anything goes on, best first.
    pub(super) async fn screen(
        &mut self,
        round: u32,
        candidates: Vec<Candidate>,
        played: &[EpisodeResult],
    ) -> Result<Vec<Contender>, Halt> {
        let config = self.session.config;
        let order: Vec<String> = self.cohorts.here().explore.iter().flat_map(|planned| planned.tasks.clone()).collect();
        let order = draw_order(config.seed, &format!("screen {round}"), order, String::as_str);
        let ladder = Ladder::new(&order, scores(played), config.seeds());
        let (mut rows, mut number) = (Vec::new(), candidates.len());
        let mut early = Vec::new();
        let mut pool = self.session.halve(&ladder, candidates, config.judged.max(1), &mut rows, &mut early).await?;
        let landscape = self.landscape();
        // One task of the screen is the least difference there is.
        let step = 1.0 / config.screen_tasks.max(1) as f64;
        let mut tuned: Vec<Candidate> = Vec::new();
        if let Some(best) = pool.iter().max_by(|a, b| a.estimate.total_cmp(&b.estimate)).filter(|c| c.estimate > 0.0) {
            let view = self.view(round, &landscape);
            let fresh = tuned_of(view, &best.candidate);
            for candidate in
                fresh.into_iter().take(config.tunings).filter(|one| self.cohorts.here_mut().tried.insert(one.variant))
            {
                number += 1;
                tuned.push(Candidate { id: format!("{round}.{number:02}"), ..candidate });
            }
            let bar = best.estimate + step;
            for candidate in &tuned {
                let climbed = self.session.climb(&ladder, candidate.clone()).await?;
                if climbed.estimate >= bar { pool.push(climbed) } else { rows.push(climbed.row(false)) }
            }
        }
        let mut pairs: Vec<Candidate> = Vec::new();
        {
            let view = self.view(round, &landscape);
            let good: Vec<&Contender> = pool.iter().filter(|contender| contender.estimate > 0.0).collect();
            let both = good.iter().enumerate().flat_map(|(k, a)| good.iter().skip(k + 1).map(move |b| (a, b)));
            let combined = both.filter_map(|(a, b)| combine(view, &a.candidate, &b.candidate));
            let combined: Vec<Candidate> = combined.collect();
            for combined in combined {
                if pairs.len() < config.combinations && self.cohorts.here_mut().tried.insert(combined.variant) {
                    number += 1;
                    pairs.push(Candidate { id: format!("{round}.{number:02}"), ..combined });
                }
            }
        }
        // A pair must beat its better part by two tasks of the screen, or it is luck that carries a useless half along.
        let margin = 2.0 * step;
        let mut needless = Vec::new();
        for pair in &pairs {
            let climbed = self.session.climb(&ladder, pair.clone()).await?;
            let parts = pool.iter().filter(|part| match &pair.origin {
                Origin::Combined(a, b) => part.candidate.id == *a || part.candidate.id == *b,
                Origin::Proposed | Origin::Tuned(_) | Origin::Rebased(_) | Origin::Revised(_) => false,
            });
            let better = parts.map(|part| part.estimate).fold(0.0, f64::max);
            if climbed.estimate >= better + margin { pool.push(climbed) } else { needless.push(climbed) }
        }
        // Of equal ones the shorter edit: it was there first.
        pool.sort_by(|a, b| b.estimate.total_cmp(&a.estimate));
        for contender in &mut pool {
            contender.saving = self.session.saving(played, contender)?;
        }
        let (mut promising, fallen): (Vec<_>, Vec<_>) =
            pool.into_iter().partition(|contender| contender.promises(config));
        let late = promising.split_off(promising.len().min(config.judged));
        let fallen: Vec<Contender> = late.into_iter().chain(fallen).collect();
        let ranked = promising.iter().map(|contender| contender.row(true));
        rows.splice(0..0, ranked.chain(fallen.iter().map(|contender| contender.row(false))).collect::<Vec<_>>());
        rows.extend(needless.iter().map(|contender| contender.row(false)));
        let finalists = promising.iter().map(|contender| contender.candidate.id.as_str()).collect();
        self.session
            .decide("screened", &ScreenDone { round, rows: &rows, tuned: &tuned, combined: &pairs, finalists })?;
        for candidate in early.iter().chain(fallen.iter().map(|contender| &contender.candidate)) {
            self.learn(round, candidate, 0.0, 0.5)?;
        }
        self.session.say(format!("round {round}: {} of {} candidates survive the screen", promising.len(), rows.len()));
        if let Some(summary) = self.rounds.last_mut() {
            summary.screened = rows;
        }
        Ok(promising)
    }
}
