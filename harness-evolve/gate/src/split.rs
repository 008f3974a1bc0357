//! Which groups are for learning, which for judging, which for the end: groups, never tasks, are hashed once into
//! explore, gate and sealed. Refuses to see tasks at all, so that siblings cannot straddle a split.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::stream::hasher;

/// The three uses of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Its traces feed the stages.
    Explore,
    /// Only the judge sees its outcomes.
    Gate,
    /// Run after the last round, for the report.
    Sealed,
}

/// Relative weights of the three uses; a weight of zero leaves that use empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Weight of explore.
    pub explore: u32,
    /// Weight of gate.
    pub gate: u32,
    /// Weight of sealed.
    pub sealed: u32,
}

impl Shares {
    fn total(self) -> u64 {
        u64::from(self.explore) + u64::from(self.gate) + u64::from(self.sealed)
    }
}

/// Why a split cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// All weights are zero.
    #[error("the shares of explore, gate and sealed are all zero; give at least one of them a weight")]
    NoShares,
}

/// Every group with its use. Lists are in hash order, which carries no information about the tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSplit {
    /// Groups whose traces feed the stages.
    pub explore: Vec<String>,
    /// Groups that only the judge sees.
    pub gate: Vec<String>,
    /// Groups kept for the report.
    pub sealed: Vec<String>,
}

fn position(purpose: &str, seed: u64, group: &str) -> [u8; 32] {
    *hasher(purpose, &[&seed.to_le_bytes(), group.as_bytes()]).finalize().as_bytes()
}

/// The use of one group by its own hash alone: it never moves when other groups come or go. Sizes are binomial around
/// the shares; for small suites take [`split_exact`].
///
/// # Errors
/// All shares are zero.
pub fn split_of(seed: u64, shares: Shares, group: &str) -> Result<Share, SplitError> {
    let total = shares.total();
    if total == 0 {
        return Err(SplitError::NoShares);
    }
    let mut head = [0; 8];
    head.copy_from_slice(&position("split", seed, group)[..8]);
    let point = ((u128::from(u64::from_le_bytes(head)) * u128::from(total)) >> 64) as u64;
    Ok(if point < u64::from(shares.explore) {
        Share::Explore
    } else if point < u64::from(shares.explore) + u64::from(shares.gate) {
        Share::Gate
    } else {
        Share::Sealed
    })
}

/// Splits by each group's own hash ([`split_of`]).
///
/// # Errors
/// All shares are zero.
pub fn split_by_hash<'a>(
    seed: u64,
    shares: Shares,
    groups: impl IntoIterator<Item = &'a str>,
) -> Result<GroupSplit, SplitError> {
    let (mut explore, mut gate, mut sealed) = (Vec::new(), Vec::new(), Vec::new());
    for group in in_hash_order("split", seed, groups) {
        match split_of(seed, shares, &group)? {
            Share::Explore => explore.push(group),
            Share::Gate => gate.push(group),
            Share::Sealed => sealed.push(group),
        }
    }
    Ok(GroupSplit { explore, gate, sealed })
}

/// Sorts the groups by hash and cuts the list at the shares: sizes are exact to rounding (largest remainder goes to
/// gate), at the price that adding a group to the suite can move others.
///
/// # Errors
/// All shares are zero.
pub fn split_exact<'a>(
    seed: u64,
    shares: Shares,
    groups: impl IntoIterator<Item = &'a str>,
) -> Result<GroupSplit, SplitError> {
    let total = shares.total();
    if total == 0 {
        return Err(SplitError::NoShares);
    }
    let mut explore = in_hash_order("split", seed, groups);
    let part = |weight: u32| (explore.len() as u64 * u64::from(weight) / total) as usize;
    let (n_explore, n_sealed) = match (shares.gate, shares.explore) {
        // Nobody but the named uses gets a group; the remainder goes to gate, else explore, else sealed.
        (0, 0) => (0, explore.len()),
        (0, _) => (explore.len() - part(shares.sealed), part(shares.sealed)),
        _ => (part(shares.explore), part(shares.sealed)),
    };
    let mut gate = explore.split_off(n_explore);
    let sealed = gate.split_off(gate.len() - n_sealed);
    Ok(GroupSplit { explore, gate, sealed })
}

fn in_hash_order<'a>(purpose: &str, seed: u64, groups: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let unique: BTreeSet<&str> = groups.into_iter().collect();
    let mut keyed: Vec<_> = unique.into_iter().map(|group| (position(purpose, seed, group), group)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, group)| group.to_owned()).collect()
}
