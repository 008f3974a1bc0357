//! `harness evolve SUITE`: improves a suite's harness by evidence, measures what came of it, writes the report.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::{
        BenchmarkRequest,
        bounds::{AtOnce, Minutes},
        evolve::{EvolveRequest, Evolved, Plan, Stop, evolve, plan},
    },
};

use crate::cli::{Global, output, progress::watched, settings};

/// What an evolution is told.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The suite: everyday, functions, household, menus, mixed, or a folder with a suite.toml
    #[arg(required = true)]
    suite: Option<String>,
    /// The model, which stays as it is: smollm2, gguf:FILE, openai:NAME, anthropic:NAME, random, first, noop, pack/module
    /// [default: `[model.main]` of the harness; without either, smollm2]
    #[arg(long, short)]
    model: Option<String>,
    /// A model that the stages ask (role `meta`): it reads failures, orders directions, writes edits, reviews them
    /// [default: `[model.meta]` of the harness; without either, no stage needs a model]
    #[arg(long, value_name = "MODEL")]
    meta: Option<String>,
    /// Begin with this harness instead of the suite's own
    #[arg(long, value_name = "FILE")]
    harness: Option<PathBuf>,
    /// The benchmark's own data: a folder, or `bfcl` after `harness data pull bfcl` [default for household: $ALFWORLD_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configure the suite's environment, e.g. category=live_simple
    #[arg(long = "set", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Seed of splits, orders and episodes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Most minutes for everything
    #[arg(long, value_name = "N")]
    minutes: Option<Minutes>,
    /// Most rollouts of the evolution itself
    #[arg(long, value_name = "N")]
    rollouts: Option<u64>,
    /// At most so many tasks of a group; 0: all
    #[arg(long, value_name = "N")]
    per_group: Option<usize>,
    /// Groups of each arm measured on sealed tasks; 0: all
    #[arg(long, value_name = "N")]
    sealed: Option<usize>,
    /// What a candidate may ship for: success, or proven lower cost or latency at proven non-inferior success
    #[arg(long, value_name = "WHAT", value_parser = ["success", "cost", "latency"])]
    objective: Option<String>,
    /// `strict`: beside the judge, no explore task that passed in one of two attempts may fail in both
    #[arg(long, value_name = "RULE", value_parser = ["off", "strict"])]
    seesaw: Option<String>,
    /// Change a setting of the evolution, e.g. rounds=3, alpha=0.01, delta=0.1, screen_tasks=12
    #[arg(long = "with", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    with: Vec<String>,
    /// Let a proven edit wait for a person: `harness evolve approve|reject RUN`
    #[arg(long)]
    approve: bool,
    /// Spend next to nothing: play four rollouts, and say what the budget buys and which gain it can prove
    #[arg(long)]
    plan: bool,
    /// Wait for a process that works on this run to end
    #[arg(long)]
    wait: bool,
    /// Episodes at a time [default: the setting `concurrency`]
    #[arg(long, value_name = "N")]
    concurrency: Option<AtOnce>,
    /// Where the report and the final harness are written [default: .harness/evolve/RUN]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Evolves, measures, reports.
pub fn run(app: &App, global: &Global, args: RunArgs) -> Result<(), Failure> {
    let request = EvolveRequest {
        benchmark: BenchmarkRequest {
            // Without a suite there would be a subcommand, and this would not be reached.
            suite: args.suite.unwrap_or_default(),
            data: args.data,
            settings: settings("--set", &args.set)?,
            per_group: args.per_group,
            seed: args.seed,
        },
        model: args.model,
        meta: args.meta,
        harness: args.harness,
        minutes: args.minutes,
        rollouts: args.rollouts,
        sealed: args.sealed,
        objective: args.objective,
        seesaw: args.seesaw,
        settings: settings("--with", &args.with)?,
        approve: args.approve,
        out: args.out,
        concurrency: args.concurrency,
        wait: args.wait,
    };
    if args.plan {
        let planned = watched(global, |control| plan(app, &request, control))?;
        return if global.json { output::json(&planned) } else { print_plan(&planned) };
    }
    let evolved = watched(global, |control| evolve(app, &request, control))?;
    print(global, &evolved)?;
    match evolved.paused {
        Some(Stop::Interrupted) => {
            Err(Failure::interrupted("stopped; the report shows what is known").hint("the same command continues"))
        }
        Some(Stop::Approval) => {
            Err(Failure::waiting(format!("a proven edit waits for a person; `harness evolve approve {}`", evolved.run))
                .hint("then the same command continues"))
        }
        Some(_) => Err(Failure::new(
            "the model or the environment could not be reached any more; the report shows what is known",
        )
        .hint("the same command continues")),
        None => Ok(()),
    }
}

fn print_plan(plan: &Plan) -> Result<(), Failure> {
    let (groups, rollout, round) = (&plan.groups, &plan.rollout, &plan.first_round);
    let line = |label: &str, text: String| output::line(format_args!("{label:<10}{text}"));
    line("suite", format!("{} · {}", plan.label, plan.model))?;
    line("groups", format!("{} explore, {} gate, {} sealed", groups.explore, groups.gate, groups.sealed))?;
    line(
        "rollout",
        format!(
            "{:.2} s, {:.0} tokens, ${:.5}; {:.0} % of {} succeeded",
            rollout.seconds,
            rollout.tokens,
            rollout.dollars,
            100.0 * rollout.success,
            rollout.played
        ),
    )?;
    let (first, later) = plan.proposals;
    line(
        "proposals",
        format!("{first} edits in the first round, {later} in each of at most {} more", plan.rounds.saturating_sub(1)),
    )?;
    line(
        "round 1",
        format!(
            "at most {} rollouts: {} explore, {} to screen, {} to tune, {} in a duel",
            round.sum(),
            round.explore,
            round.screen,
            round.tune,
            round.duel
        ),
    )?;
    line("report", format!("{} rollouts", plan.report))?;
    if let Some(most) = plan.max_rollouts {
        line("bound", format!("{most} rollouts of the evolution"))?;
    }
    line(
        "takes",
        format!(
            "at most {:.0} minutes one rollout at a time, {:.1} million tokens, ${:.2}, for round 1 and the report",
            plan.minutes.ceil(),
            plan.tokens / 1e6,
            plan.dollars
        ),
    )?;
    line(
        "proves",
        match plan.provable {
            Some(points) => format!("a gain of {points} points, in 4 of 5 runs (a first duel, simulated)"),
            None => "too few gate groups: not even a gain of 95 points in 4 of 5 runs".to_owned(),
        },
    )
}

fn print(global: &Global, evolved: &Evolved) -> Result<(), Failure> {
    if global.json {
        return output::json(&evolved.report);
    }
    output::report(&evolved.report)?;
    let out = evolved.out.display();
    if evolved.paused.is_none() {
        output::line(format_args!("next     harness run {out}/harness.toml --prompt '…'   uses what came of it"))?;
        output::line(format_args!("         harness evolve verify {}   checks it against the record", evolved.run))?;
    }
    output::line(format_args!("report   {out}: report.html, report.txt, report.json, scores.jsonl, harness.toml"))
}
