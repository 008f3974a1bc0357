//! A second judge, written from `docs/statistics.md` over the JSON of a certificate: plain, slow, in logarithms, every
//! capital computed again from its definition at every group. Refuses every type and function of the crate.

use serde_json::Value;

/// What the plain judge finds. Names as in the certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub verdict: &'static str,
    pub reason: &'static str,
    pub groups: u64,
    pub capital: f64,
    pub mean_difference: f64,
    /// A capital came so close to its threshold that rounding decides.
    pub close_call: bool,
}

/// Section 2: a group's difference, the mean over its pairs; `None` when an arm was lost to the infrastructure.
fn difference(pairs: &[Value], on_prices: bool) -> Option<f64> {
    let score = |outcome: &Value| match outcome.as_str() {
        Some("infrastructure") => None,
        Some(_) => Some(0.0),
        None => Some(outcome["scored"].as_f64().unwrap() / 1e6),
    };
    let mut sum = 0.0;
    for pair in pairs {
        let (a, b) = (score(&pair["incumbent"])?, score(&pair["candidate"])?);
        sum += if on_prices {
            let (a, b) = (pair["price"]["incumbent"].as_i64().unwrap(), pair["price"]["candidate"].as_i64().unwrap());
            // Whole millionths, towards zero.
            ((a - b) * 1_000_000 / a.max(b).max(1)) as f64 / 1e6
        } else {
            b - a
        };
    }
    Some(sum / pairs.len() as f64)
}

/// Section 3: Σ wₖ Π (1 + λₖ·x) over λ = 0.1 … 1.0, from its definition.
fn capital(xs: &[f64], all_in: f64) -> f64 {
    let component = |tenth: u32| {
        let weight = if tenth == 10 { all_in } else { (1.0 - all_in) / 9.0 };
        if weight == 0.0 {
            return 0.0;
        }
        let log: f64 = xs.iter().map(|x| (f64::from(tenth) / 10.0 * x.max(-1.0)).ln_1p()).sum();
        weight * log.exp()
    };
    (1..=10).map(component).sum()
}

/// Section 5: the order drawn from (seed of the run, what for): the gate's, for all candidates, is for `gate`.
pub fn order(run_seed: u64, purpose: &str, groups: &mut [String]) {
    let mut draw = blake3::Hasher::new_derive_key("evolve-gate 1 order");
    for part in [&run_seed.to_le_bytes()[..], purpose.as_bytes()] {
        draw.update(&(part.len() as u64).to_le_bytes());
        draw.update(part);
    }
    let key = *draw.finalize().as_bytes();
    groups.sort_by_key(|group| *blake3::keyed_hash(&key, group.as_bytes()).as_bytes());
}

/// Sections 2 to 5: the verdict of a certificate from its terms and pairs. `None` when they end no test, or when the order is
/// not the drawn one.
pub fn judge(certificate: &Value) -> Option<Finding> {
    let (terms, planned) = (&certificate["plan"]["terms"], certificate["plan"]["order"].as_array()?);
    let ids: Vec<String> = planned.iter().map(|group| group["group"].as_str().unwrap().to_owned()).collect();
    let mut drawn = ids.clone();
    order(terms["run_seed"].as_u64()?, "gate", &mut drawn);
    if drawn != ids {
        return None;
    }
    let (n, least) = (ids.len() as u64, terms["stopping"]["min_groups"].as_u64()?);
    let (claim, share) = (&terms["claim"], |value: &Value| value.as_f64().unwrap_or(0.0) / 1e6);
    // The claim: the sign under which d speaks for it, and the margin between its null mean and zero.
    let (sign, margin) = match claim.as_str() {
        Some(_) => (1.0, 0.0),
        None if claim["harm"].is_object() => (-1.0, -share(&claim["harm"]["beyond"])),
        None => (1.0, share(&claim["non_inferior"]["margin"])),
    };
    let all_in = if claim["non_inferior"].is_object() { 0.5 } else { 0.0 };
    let payoff = |d: f64| (sign * d + margin) / (1.0 - margin);
    let threshold = 1e12 / terms["alpha"].as_f64()?;
    let futility = &terms["stopping"]["futility"];
    let delta = share(&futility["delta"]);

    let (mut ds, mut close_call): (Vec<f64>, bool) = (Vec::new(), false);
    let mut reaches = |capital: f64, threshold: f64| {
        close_call |= (capital / threshold - 1.0).abs() < 1e-9;
        capital >= threshold
    };
    let mut at = 0;
    let reason = loop {
        let xs: Vec<f64> = ds.iter().map(|d| payoff(*d)).collect();
        let (t, now) = (ds.len() as u64, capital(&xs, all_in));
        if t > 0 && reaches(now, threshold) && t >= least {
            break "proven";
        }
        if t > 0 && futility.is_object() {
            let against: Vec<f64> = ds.iter().map(|d| (delta - sign * d) / (1.0 - delta)).collect();
            if reaches(capital(&against, 0.0), 1e12 / futility["beta"].as_f64()?) {
                break "futile";
            }
        }
        let best = (1.0 + margin) / (1.0 - margin);
        let out_of_reach = !reaches(now * (1.0 + best).powi((n - t) as i32), threshold);
        if t == n || out_of_reach || n < least {
            let mean = ds.iter().sum::<f64>() / t.max(1) as f64;
            break if t == 0 || payoff(mean) > 0.0 { "groups_exhausted" } else { "no_effect" };
        }
        let Some(group) = certificate["counted"].get(at) else {
            break match certificate["called_off"].as_str()? {
                "budget" => "budget",
                _ => "rebased",
            };
        };
        assert_eq!(group["group"].as_str(), Some(ids[at].as_str()));
        at += 1;
        match difference(group["pairs"].as_array()?, claim == "cheaper") {
            Some(d) => ds.push(d),
            None => break "infrastructure",
        }
    };
    if at != certificate["counted"].as_array()?.len() {
        return None;
    }
    let verdict = match reason {
        "proven" => "accept",
        "futile" | "no_effect" => "reject",
        _ => "insufficient",
    };
    let xs: Vec<f64> = ds.iter().map(|d| payoff(*d)).collect();
    Some(Finding {
        verdict,
        reason,
        groups: ds.len() as u64,
        capital: capital(&xs, all_in),
        mean_difference: ds.iter().sum::<f64>() / ds.len().max(1) as f64,
        close_call,
    })
}
