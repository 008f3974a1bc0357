//! What a survivor meets before it ships, and what came of it. Refuses to tell a stage more than one bit.

mod checks;
mod trial;

pub use checks::Unfit;
pub(crate) use trial::{ArmPair, Assignment, Opened, TrialPlan, past, price};

use evolve_gate::panel::{Ruling, harm_terms, non_inferiority_terms, ruling};
use evolve_gate::{Alpha, Certificate, Claim, Futility, Seesaw, Stopping, Terms, Unit, UnitError, Verdict};
use serde::{Deserialize, Serialize};

use crate::config::{EvolveConfig, SeesawRule};

/// The tests there are. Each has its terms from the settings alone, so that a certificate can be held to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// A candidate gains.
    Gain,
    /// A candidate costs less.
    Cheaper,
    /// A candidate that costs less loses nothing that matters.
    NonInferior,
    /// A proven candidate harms the protected panel.
    Panel,
    /// The incumbent is worse than the harness the run began with.
    Drift,
    /// Without edits that carry nothing, nothing is lost that matters.
    Pruned,
}

impl Test {
    /// The terms of this test at level `alpha`.
    ///
    /// # Errors
    /// A number of the settings is out of range.
    pub(crate) fn terms(
        self,
        config: &EvolveConfig,
        arms: (&str, &str),
        used_up: u32,
        alpha: Alpha,
    ) -> Result<Terms, UnitError> {
        let futility = |delta: f64| -> Result<Stopping, UnitError> {
            let futility = Futility { delta: Unit::new(delta)?, ..Futility::default() };
            Ok(Stopping { futility: Some(futility), ..Stopping::default() })
        };
        let (incumbent, candidate) = (arms.0.to_owned(), arms.1.to_owned());
        let terms = Terms {
            run_seed: config.seed,
            candidate,
            incumbent,
            used_up,
            claim: Claim::Gain,
            alpha,
            stopping: futility(config.delta)?,
            seeds: config.seeds(),
            attempts: config.attempts.max(1),
        };
        Ok(match self {
            Self::Gain => terms,
            Self::Cheaper => Terms { claim: Claim::Cheaper, stopping: futility(config.saving)?, ..terms },
            Self::NonInferior | Self::Pruned => non_inferiority_terms(terms, Unit::new(config.margin)?),
            Self::Panel => harm_terms(Terms { seeds: config.fresh_seeds(), ..terms }, alpha, Unit::ZERO),
            Self::Drift => Terms { claim: Claim::Harm { beyond: Unit::ZERO }, ..terms },
        })
    }
}

/// The second way to ship, where the objective is cost or latency: proven cheaper *and* proven non-inferior, each at the
/// second half of the candidate's level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thrift {
    /// The proof that it costs less.
    pub cheaper: Certificate,
    /// The proof that it loses nothing; asked for once the first is there.
    pub non_inferior: Option<Certificate>,
}

/// What became of a candidate before the judge. Stages never see it: of the judge's work a stage is told one bit per
/// candidate, folded into the posterior and the history. This is all there is in its view, and nothing of it leads to a
/// certificate:
///
/// ```
/// use harness_evolve::{Direction, EvolveError, Planner, View};
///
/// struct Honest;
///
/// impl Planner for Honest {
///     async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
///         // A field more, and this no longer compiles: whoever adds one says what leaks.
///         let View { round, landscape, incumbent, catalogue, posterior, history, config } = view;
///         let _ = (round, landscape, incumbent, catalogue, posterior, history, config);
///         Ok(Vec::new())
///     }
/// }
/// ```
///
/// The same stage, when it asks for more, does not compile:
///
/// ```compile_fail,E0609
/// use harness_evolve::{Direction, EvolveError, Planner, View};
///
/// struct Peeking;
///
/// impl Planner for Peeking {
///     async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
///         let capital = view.judged.last().map(|judged| judged.certificate.capital);
///         Ok(Vec::new())
///     }
/// }
/// ```
///
/// Nor when it opens what a module's fate left behind:
///
/// ```compile_fail,E0609
/// use harness_evolve::{Direction, EvolveError, Planner, View};
///
/// struct Prying;
///
/// impl Planner for Prying {
///     async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
///         let certificate = &view.posterior.certificate;
///         Ok(Vec::new())
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The round.
    pub round: u32,
    /// The candidate's id.
    pub candidate: String,
    /// Its edit, for a person.
    pub edit: String,
    /// What the screen estimated.
    pub estimate: f64,
    /// The proof of its gain.
    pub certificate: Certificate,
    /// The other way to ship, where it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thrift: Option<Thrift>,
    /// The panel's test, where it had to be asked and had groups enough.
    pub panel: Option<Certificate>,
    /// The strict seesaw, where it had to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seesaw: Option<Seesaw>,
    /// Whether it ships.
    pub ships: bool,
}

impl Judged {
    /// Whether one of the two ways to ship is proven.
    pub(crate) fn proven(&self) -> bool {
        let accepts = |certificate: &Certificate| certificate.verdict == Verdict::Accept;
        let thrift = self.thrift.as_ref().and_then(|thrift| Some((&thrift.cheaper, thrift.non_inferior.as_ref()?)));
        accepts(&self.certificate) || thrift.is_some_and(|(cheaper, loses)| accepts(cheaper) && accepts(loses))
    }

    /// Whether it may ship: proven, and nobody who has a say blocks it.
    pub(crate) fn deserves(&self, rule: SeesawRule) -> bool {
        let allows = |panel: &Certificate| matches!(ruling(panel), Some(Ruling::Clear | Ruling::TooSmall));
        let balanced = match rule {
            SeesawRule::Off => true,
            SeesawRule::Strict => self.seesaw.as_ref().is_some_and(|seesaw| !seesaw.blocks()),
        };
        self.proven() && self.panel.as_ref().is_none_or(allows) && balanced
    }

    /// The proof it shipped by: of its gain, else of its saving. Without either, of the gain it has not proven.
    pub fn proof(&self) -> &Certificate {
        match &self.thrift {
            Some(thrift) if self.certificate.verdict != Verdict::Accept => &thrift.cheaper,
            _ => &self.certificate,
        }
    }

    /// Every certificate with the test it is of.
    pub fn certificates(&self) -> Vec<(Test, &Certificate)> {
        let thrift = self.thrift.as_ref();
        [
            (Test::Gain, Some(&self.certificate)),
            (Test::Cheaper, thrift.map(|thrift| &thrift.cheaper)),
            (Test::NonInferior, thrift.and_then(|thrift| thrift.non_inferior.as_ref())),
            (Test::Panel, self.panel.as_ref()),
        ]
        .into_iter()
        .filter_map(|(test, certificate)| Some((test, certificate?)))
        .collect()
    }

    /// Why it did not ship, or how it did.
    pub fn reason(&self) -> String {
        let line = |test: &Certificate| {
            format!(
                "n = {} groups ({} tasks), α = {:.4}, capital {:.1}",
                test.groups,
                test.tasks,
                test.plan.terms.alpha.value(),
                test.capital
            )
        };
        let verdict = |test: &Certificate| format!("{:?}: {:?}", test.verdict, test.reason).to_lowercase();
        let mut text = format!("{}, {}", verdict(&self.certificate), line(&self.certificate));
        if let Some(thrift) = &self.thrift {
            let loses = thrift.non_inferior.as_ref();
            let loses = loses.map(|test| format!("; non-inferior: {}, {}", verdict(test), line(test)));
            let cheaper = &thrift.cheaper;
            text = format!("{text}; cheaper: {}, {}{}", verdict(cheaper), line(cheaper), loses.unwrap_or_default());
        }
        if self.ships || !self.proven() {
            return text;
        }
        let blocked = match (self.panel.as_ref().and_then(ruling), &self.seesaw) {
            (Some(Ruling::Blocks), _) => "the protected panel proves harm".to_owned(),
            (Some(Ruling::Unanswered), _) => "the protected panel gave no answer".to_owned(),
            (_, Some(seesaw)) => {
                format!("the strict seesaw lost {} of {} tasks", seesaw.regressed.len(), seesaw.passed)
            }
            (_, None) => "the run ended before its test was".to_owned(),
        };
        format!("{blocked}; {text}")
    }
}

/// The two halves of a candidate's level: for the gain, and for being cheaper without loss. Together never more than it.
pub(crate) fn halves(alpha: Alpha) -> (Alpha, Alpha) {
    let half = alpha.share(2);
    (alpha.minus(half), half)
}
