//! The judge judged: a whole evolution over recorded outcomes in which each pair's arms are swapped by a fair coin
//! before the screen, so that no edit is worth anything and every ship is false. Refuses a second implementation: grants,
//! stream and duels are the ones a real run uses.

use serde::{Deserialize, Serialize};

use crate::bet::{Capital, Stake};
use crate::budget::{Control, ErrorBudget, Schedule};
use crate::duel::Duel;
use crate::gate_stream::GateStream;
use crate::interval::{clopper_pearson_lower, clopper_pearson_upper};
use crate::outcome::{Difference, Pair};
use crate::plan::{DuelPlan, PlannedGroup, Terms};
use crate::process::{Claim, Stopping, Verdict};
use crate::rivals::Rule;
use crate::split::GroupSplit;
use crate::stream::Stream;
use crate::unit::Alpha;

/// A group with the recorded outcomes of every contrast on it: `contrasts[k]` are the pairs of contrast k, one per task
/// and seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedGroup {
    /// The group and its tasks.
    pub planned: PlannedGroup,
    /// Pairs by contrast; every group has the same number of contrasts.
    pub contrasts: Vec<Vec<Pair>>,
}

/// Recorded outcomes of some pairs of arms (contrasts) on the groups of explore and gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Explore groups, in the order the screen takes them.
    pub explore: Vec<RecordedGroup>,
    /// Gate groups.
    pub gate: Vec<RecordedGroup>,
    /// Seeds each task was played with.
    pub seeds: Vec<u64>,
}

impl Recording {
    /// Arranges recorded groups by a split; groups of no explore or gate part are left out.
    pub fn arrange(split: &GroupSplit, seeds: Vec<u64>, groups: Vec<RecordedGroup>) -> Self {
        let mut by_id: std::collections::BTreeMap<_, _> =
            groups.into_iter().map(|group| (group.planned.group.clone(), group)).collect();
        let mut take = |ids: &[String]| ids.iter().filter_map(|id| by_id.remove(id)).collect::<Vec<_>>();
        Self { explore: take(&split.explore), gate: take(&split.gate), seeds }
    }

    fn contrasts(&self) -> usize {
        self.explore.iter().chain(&self.gate).map(|group| group.contrasts.len()).min().unwrap_or(0)
    }
}

/// What one toss of the coin swaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coin {
    /// The arms of one (task, seed).
    PerPair,
    /// The arms of all pairs of a group together: siblings keep their correlation, the harder null.
    PerGroup,
}

/// The shape of the evolution that is rehearsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Rounds.
    pub rounds: u32,
    /// Rounds without a ship in a row that end it.
    pub idle_rounds: u32,
    /// Candidates that reach the gate per round.
    pub candidates: usize,
    /// Proposals screened per round, halved until `candidates` are left.
    pub proposals: usize,
    /// Explore groups of the first rung of the screen; each further rung takes twice as many.
    pub first_rung: usize,
    /// Error level of the whole evolution.
    pub alpha: Alpha,
    /// When a duel may stop.
    pub stopping: Stopping,
    /// Groups in flight; those that favour the candidate finish first.
    pub in_flight: usize,
    /// What a toss swaps.
    pub coin: Coin,
    /// Who decides.
    pub rule: Rule,
}

impl Default for Rehearsal {
    /// 15 rounds, however many of them idle, of 4 candidates screened from 16, α = 0.05, 32 in flight, a coin per pair.
    fn default() -> Self {
        Self {
            rounds: 15,
            idle_rounds: 15,
            candidates: 4,
            proposals: 16,
            first_rung: 8,
            alpha: Alpha::ONE_IN_TWENTY,
            stopping: Stopping::default(),
            in_flight: 32,
            coin: Coin::PerPair,
            rule: Rule::Judge,
        }
    }
}

/// A ship of a rehearsed evolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// Round, from 0.
    pub round: u32,
    /// Contrast it was made of.
    pub contrast: usize,
    /// Groups to the verdict.
    pub groups: u32,
    /// The level it was granted.
    pub alpha: Alpha,
}

/// The placebo line of a report.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlaceboLine {
    /// Evolutions rehearsed.
    pub runs: u64,
    /// Those that shipped anything.
    pub shipped: u64,
    /// One-sided 95 % Clopper–Pearson bound: upper for a placebo, lower for a planted edit.
    pub bound: f64,
}

/// The largest capital that a placebo could have come to, and what its first duel needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// With every coin on the candidate's side.
    pub most: f64,
    /// What proves a claim at the first level of the run.
    pub needed: f64,
}

impl Reach {
    /// Whether the placebo can ship anything at all.
    pub fn can_fail(&self) -> bool {
        self.most >= self.needed
    }
}

/// An edit in the making: which contrast it is recorded from and which of its coins fell on "swap". A planted edit has
/// no coins. Coins are fixed per group, explore first, then gate.
#[derive(Clone)]
struct Proposal {
    contrast: usize,
    coins: Option<Vec<u64>>,
}

impl Proposal {
    /// Whether the arms of the `place`-th pair of the `index`-th group (over explore and gate) are swapped.
    fn swaps(&self, index: usize, place: usize, coin: Coin) -> bool {
        let bit = match coin {
            Coin::PerPair => place % 64,
            Coin::PerGroup => 0,
        };
        self.coins.as_ref().and_then(|coins| coins.get(index)).is_some_and(|tosses| tosses >> bit & 1 == 1)
    }

    /// The pairs of the `index`-th group after the swaps.
    fn pairs(&self, group: &RecordedGroup, index: usize, coin: Coin) -> Vec<Pair> {
        let mut pairs = group.contrasts.get(self.contrast).cloned().unwrap_or_default();
        for (place, pair) in pairs.iter_mut().enumerate() {
            if self.swaps(index, place, coin) {
                std::mem::swap(&mut pair.incumbent, &mut pair.candidate);
            }
        }
        pairs
    }

    /// The mean difference of the `index`-th group after the swaps; 0 for a group lost to the infrastructure.
    fn mean(&self, group: &RecordedGroup, index: usize, coin: Coin) -> f64 {
        let pairs = group.contrasts.get(self.contrast).map_or(&[][..], Vec::as_slice);
        let difference = pairs.iter().enumerate().try_fold(Difference::default(), |sum, (place, pair)| {
            let one = Difference::of(std::slice::from_ref(pair))?;
            let sign = if self.swaps(index, place, coin) { -1 } else { 1 };
            Some(Difference { millionths: sum.millionths + sign * one.millionths, pairs: sum.pairs + 1 })
        });
        difference.map_or(0.0, Difference::mean)
    }
}

impl Rehearsal {
    /// Runs the placebo over `seeds`: every contrast swapped by fair coins.
    pub fn placebo(&self, seeds: std::ops::Range<u64>, recording: impl Fn(u64) -> Recording) -> PlaceboLine {
        let runs = seeds.end.saturating_sub(seeds.start);
        let shipped = seeds.filter(|&seed| !self.run(seed, &recording(seed), None).is_empty()).count() as u64;
        PlaceboLine { runs, shipped, bound: clopper_pearson_upper(shipped, runs, 0.95) }
    }

    /// How far a placebo over this recording can get at all: the capital of a first duel whose every coin falls the
    /// candidate's way, for the contrast where that is most, and what would prove it. A placebo that cannot reach its
    /// threshold cannot fail, and shows nothing.
    pub fn reach(&self, recording: &Recording) -> Reach {
        let best = |contrast: usize| {
            let mut capital = Capital::new(Stake::Spread);
            for group in &recording.gate {
                let pairs = group.contrasts.get(contrast).map_or(&[][..], Vec::as_slice);
                let one = |pair: &Pair| Difference::of(std::slice::from_ref(pair)).map(Difference::mean);
                let differences: Vec<f64> = pairs.iter().filter_map(one).collect();
                let sum: f64 = match self.coin {
                    Coin::PerPair => differences.iter().map(|d| d.abs()).sum(),
                    Coin::PerGroup => differences.iter().sum::<f64>().abs(),
                };
                capital.bet(sum / differences.len().max(1) as f64);
            }
            capital.total()
        };
        let schedule = Schedule { rounds: self.rounds, idle_rounds: self.idle_rounds };
        let mut purse = ErrorBudget::new(self.alpha, Control::EveryShip, schedule);
        purse.open_round();
        let most = (0..recording.contrasts()).map(best).fold(1.0, f64::max);
        Reach { most, needed: purse.grant().threshold() }
    }

    /// Runs the same machinery with contrast `planted` left as recorded, one of the first round's proposals, among
    /// placebos. Counts the runs that ship it.
    pub fn planted(
        &self,
        seeds: std::ops::Range<u64>,
        planted: usize,
        recording: impl Fn(u64) -> Recording,
    ) -> PlaceboLine {
        let runs = seeds.end.saturating_sub(seeds.start);
        let ships = |seed: &u64| {
            self.run(*seed, &recording(*seed), Some(planted)).iter().any(|shipped| shipped.contrast == planted)
        };
        let shipped = seeds.filter(ships).count() as u64;
        PlaceboLine { runs, shipped, bound: clopper_pearson_lower(shipped, runs, 0.95) }
    }

    /// One evolution: proposals (half of them variations on what did best on explore last round), screen, duels in
    /// rank order on the groups ahead until one ships, which uses up what was looked at. Ends with the rounds, idle ones
    /// or the groups.
    pub fn run(&self, seed: u64, recording: &Recording, planted: Option<usize>) -> Vec<Shipped> {
        let contrasts: Vec<_> = (0..recording.contrasts()).filter(|k| Some(*k) != planted).collect();
        let ids = recording.gate.iter().map(|group| group.planned.group.clone()).collect();
        let mut gate = GateStream::draw(seed, ids);
        let schedule = Schedule { rounds: self.rounds, idle_rounds: self.idle_rounds };
        let mut purse = ErrorBudget::new(self.alpha, Control::EveryShip, schedule);
        let mut idle = 0;
        let mut stream = Stream::new("rehearsal", &[&seed.to_le_bytes()]);
        let (mut ships, mut best): (Vec<Shipped>, Vec<Proposal>) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            if idle >= self.idle_rounds.max(1) {
                break;
            }
            idle += 1;
            purse.open_round();
            let mut proposals = self.propose(&mut stream, recording, &contrasts, &best);
            if let Some(contrast) = planted.filter(|_| round == 0) {
                proposals.push(Proposal { contrast, coins: None });
            }
            best = self.screen(recording, proposals);
            for (rank, proposal) in best.clone().into_iter().enumerate() {
                let Some((used_up, ahead)) = gate.ahead() else {
                    return ships;
                };
                let ahead = ahead.to_vec();
                let alpha = purse.grant();
                let terms = Terms {
                    run_seed: seed,
                    candidate: format!("{round}.{rank}"),
                    incumbent: ships.len().to_string(),
                    used_up,
                    claim: Claim::Gain,
                    alpha,
                    stopping: self.stopping,
                    seeds: recording.seeds.clone(),
                    attempts: 3,
                };
                let Some((groups, proven)) = self.duel(recording, &proposal, terms, &ahead) else { continue };
                gate.look(ahead.iter().take(groups).map(String::as_str));
                if !proven {
                    continue;
                }
                let groups = groups as u32;
                ships.push(Shipped { round, contrast: proposal.contrast, groups, alpha });
                best.retain(|kept| kept.coins != proposal.coins);
                purse.ship();
                idle = 0;
                gate.use_up();
                break;
            }
        }
        ships
    }

    fn propose(
        &self,
        stream: &mut Stream,
        recording: &Recording,
        contrasts: &[usize],
        best: &[Proposal],
    ) -> Vec<Proposal> {
        let groups = recording.explore.len() + recording.gate.len();
        let mut fresh = |parent: Option<&Proposal>| {
            let Some(coins) = parent.and_then(|parent| parent.coins.clone()) else {
                let contrast = contrasts.get(stream.below(contrasts.len())).copied().unwrap_or(0);
                return Proposal { contrast, coins: Some((0..groups).map(|_| stream.bits()).collect()) };
            };
            // A variation keeps about three quarters of its parent's outcomes.
            let vary = |old: u64| {
                if stream.below(4) == 0 { stream.bits() } else { old }
            };
            let contrast = parent.map_or(0, |parent| parent.contrast);
            Proposal { contrast, coins: Some(coins.into_iter().map(vary).collect()) }
        };
        (0..self.proposals).map(|k| fresh(best.get(k).filter(|_| k * 2 < self.proposals))).collect()
    }

    /// Successive halving on the mean difference over explore groups. Leaves the best `candidates`, best first.
    fn screen(&self, recording: &Recording, mut proposals: Vec<Proposal>) -> Vec<Proposal> {
        let mut rung = self.first_rung.max(1);
        while proposals.len() > self.candidates {
            let mean = |proposal: &Proposal| -> f64 {
                let seen = recording.explore.iter().enumerate().take(rung);
                seen.map(|(index, group)| proposal.mean(group, index, self.coin)).sum()
            };
            let mut scored: Vec<_> = proposals.into_iter().map(|proposal| (mean(&proposal), proposal)).collect();
            scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            let keep = scored.len().div_ceil(2).max(self.candidates);
            proposals = scored.into_iter().take(keep).map(|(_, proposal)| proposal).collect();
            rung *= 2;
        }
        proposals
    }

    /// Plays a duel over the groups `ahead` with `in_flight` of them at once, the candidate's successes always finishing
    /// first, which is the order that would fool a judge who counted pairs as they came. The groups it counted, and
    /// whether it proved its claim.
    fn duel(
        &self,
        recording: &Recording,
        proposal: &Proposal,
        terms: Terms,
        ahead: &[String],
    ) -> Option<(usize, bool)> {
        let offset = recording.explore.len();
        let gate = &recording.gate;
        let index: std::collections::HashMap<&str, usize> =
            gate.iter().enumerate().map(|(place, group)| (group.planned.group.as_str(), place)).collect();
        let places = ahead.iter().map(|group| index.get(group.as_str()).copied()).collect::<Option<Vec<usize>>>()?;
        let pairs = |place: usize| proposal.pairs(&gate[place], offset + place, self.coin);
        if self.rule != Rule::Judge {
            let pairs = places.iter().flat_map(|&place| pairs(place)).collect();
            return Some((ahead.len(), self.rule.accepts(pairs)));
        }
        let groups = places.iter().map(|&place| gate[place].planned.clone()).collect();
        let mut duel = Duel::new(DuelPlan::draw(terms, groups)).ok()?;
        let mut flying: Vec<(f64, usize)> = Vec::new();
        while duel.verdict().is_none() {
            // Those in flight are a prefix of what is asked for: the new ones are at its end.
            for planned in duel.next_groups(self.in_flight.max(1)).into_iter().skip(flying.len()) {
                let place = *index.get(planned.group.as_str())?;
                flying.push((proposal.mean(&gate[place], offset + place, self.coin), place));
            }
            let first = (0..flying.len()).max_by(|a, b| flying[*a].0.total_cmp(&flying[*b].0))?;
            let (_, place) = flying.swap_remove(first);
            duel.record(&gate[place].planned.group, pairs(place)).ok()?;
        }
        let certificate = duel.certificate()?;
        Some((certificate.counted.len(), certificate.verdict == Verdict::Accept))
    }
}
