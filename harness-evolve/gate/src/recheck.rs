//! A certificate checked again by anyone, from the recorded outcomes alone. Refuses to believe any number it can compute.

use crate::certificate::{CERTIFICATE_VERSION, Certificate};
use crate::duel::{Duel, RecordError, Recorded};
use crate::plan::PlanError;
use crate::process::Verdict;

/// Why a certificate does not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecheckError {
    /// Written by other rules.
    #[error("the certificate is of version {found}; this judge checks version {CERTIFICATE_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// The plan breaks a law.
    #[error("the certificate's plan is not valid")]
    Plan(#[from] PlanError),
    /// The order is not the drawn one, or not the one that was pinned.
    #[error("the groups of candidate `{candidate}` are not in the order drawn from seed {run_seed}")]
    Order {
        /// The candidate.
        candidate: String,
        /// The run's seed.
        run_seed: u64,
    },
    /// An outcome does not fit the plan.
    #[error("an outcome does not fit the certificate's plan")]
    Outcome(#[from] RecordError),
    /// The outcomes do not end a test where the certificate ends, or not with its numbers.
    #[error("`{field}` of the certificate is {stated}, and its outcomes give {found}")]
    Differs {
        /// The field.
        field: &'static str,
        /// What the certificate says.
        stated: String,
        /// What its outcomes give.
        found: String,
    },
}

/// Runs the test again from the recorded pairs and compares everything the certificate states. Integers and texts must
/// be equal; the three floating-point numbers may differ by 10⁻¹² of their size, what a decimal form can lose.
///
/// # Errors
/// The first thing that does not hold.
pub fn recheck(certificate: &Certificate) -> Result<Verdict, RecheckError> {
    if certificate.version != CERTIFICATE_VERSION {
        return Err(RecheckError::Version { found: certificate.version });
    }
    let plan = &certificate.plan;
    if !plan.order_is_drawn() || plan.order_digest() != certificate.order_digest {
        return Err(RecheckError::Order { candidate: plan.terms.candidate.clone(), run_seed: plan.terms.run_seed });
    }
    let mut duel = Duel::new(plan.clone())?;
    for (place, outcome) in certificate.counted.iter().enumerate() {
        let due = plan.order.get(place).map(|planned| planned.group.as_str());
        if due != Some(outcome.group.as_str()) {
            let (stated, found) = (outcome.group.clone(), due.unwrap_or("the end of the order").to_owned());
            return Err(RecheckError::Differs { field: "counted", stated, found });
        }
        if duel.replay(outcome.clone())? == Recorded::Over {
            let (stated, found) = (certificate.counted.len().to_string(), place.to_string());
            return Err(RecheckError::Differs { field: "groups", stated, found });
        }
    }
    if let Some(why) = certificate.called_off {
        duel.call_off(why);
    }
    let Some(again) = duel.certificate() else {
        let stated = format!("{:?}", certificate.verdict);
        return Err(RecheckError::Differs { field: "verdict", stated, found: "no answer yet".to_owned() });
    };
    compare(certificate, &again)?;
    Ok(again.verdict)
}

fn compare(stated: &Certificate, found: &Certificate) -> Result<(), RecheckError> {
    let exact = [
        ("verdict", format!("{:?}", stated.verdict), format!("{:?}", found.verdict)),
        ("reason", format!("{:?}", stated.reason), format!("{:?}", found.reason)),
        ("called_off", format!("{:?}", stated.called_off), format!("{:?}", found.called_off)),
        ("groups", stated.groups.to_string(), found.groups.to_string()),
        ("tasks", stated.tasks.to_string(), found.tasks.to_string()),
    ];
    let close = [
        ("capital", stated.capital, found.capital),
        ("peak_capital", stated.peak_capital, found.peak_capital),
        ("mean_difference", stated.mean_difference, found.mean_difference),
    ];
    let exact = exact.into_iter().filter(|(_, a, b)| a != b);
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1e-12);
    let close =
        close.into_iter().filter(|(_, a, b)| !same(*a, *b)).map(|(field, a, b)| (field, a.to_string(), b.to_string()));
    match exact.chain(close).next() {
        Some((field, stated, found)) => Err(RecheckError::Differs { field, stated, found }),
        None => Ok(()),
    }
}
