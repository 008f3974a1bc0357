//! The design of the comparison that a report shows: which harnesses and controls are measured, and on which splits.

use harness_bench::{Benchmark, Split};
use harness_evolve::{Arm, ArmKind, Evolution};
use harness_host::Host;
use harness_spec::{Harness, ModelSpec, Pool};

use super::super::models;
use crate::{Failure, Workspace};

/// What there is to play with.
pub(super) struct Players<'a> {
    pub host: &'a Host,
    pub benchmark: &'a Benchmark,
    pub workspace: &'a Workspace,
}

impl Players<'_> {
    fn model(&self, name: &str) -> Result<ModelSpec, Failure> {
        models::model_named(self.workspace, name)
    }

    /// The arms of the report, the most telling first.
    pub(super) fn arms<'p>(
        &self,
        evolution: &'p Evolution,
        others: impl Iterator<Item = (ArmKind, &'p str, &'p Pool)>,
        initial: &Harness,
        model: &ModelSpec,
    ) -> Result<Vec<Arm>, Failure> {
        let all = vec![Split::Explore, Split::Gate, Split::Sealed];
        let sealed = vec![Split::Sealed];
        let with = |pool: &Pool, model: &ModelSpec| {
            let mut pool = pool.clone();
            for harness in pool.variants.values_mut() {
                harness.models.insert("main".to_owned(), model.clone());
            }
            pool
        };
        let arm = |name: &str, kind, pool, splits: &[Split]| Arm {
            name: name.to_owned(),
            kind,
            pool,
            splits: splits.to_vec(),
        };
        let first: Pool = initial.clone().into();
        let last = &evolution.pool;
        let mut arms = vec![
            arm("initial", ArmKind::Initial, first.clone(), &all),
            arm("final", ArmKind::Final, last.clone(), &all),
            arm("random", ArmKind::Random, with(last, &self.model("random")?), &sealed),
            arm("do-nothing", ArmKind::Noop, with(&first, &self.model("noop")?), &sealed),
        ];
        arms.extend(others.map(|(kind, name, pool)| arm(name, kind, pool.clone(), &sealed)));
        for (name, harness) in last.variants.iter().filter(|_| last.variants.len() > 1) {
            arms.push(arm(&format!("{name} alone"), ArmKind::Variant, harness.clone().into(), &sealed));
        }
        if let Some(rules) = self.benchmark.suite.pool("rules") {
            let rules = with(&rules, &self.model("first")?);
            // Rules need packs that may not be installed; then there is no such arm.
            if rules.check(self.host.catalogue()).is_ok() {
                arms.push(arm("no model", ArmKind::NoModel, rules, &sealed));
            }
        }
        if let Some(naive) = self.benchmark.suite.pool("naive") {
            arms.push(arm("naive", ArmKind::Naive, with(&naive, model), &sealed));
        }
        Ok(arms)
    }
}
