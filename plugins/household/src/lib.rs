//! Household games as a module pack: an environment, its grader, a subgoal planner and an action router. The planner
//! and the router see what an agent sees and nothing of the world behind it.

mod affinity;
mod belief;
mod environment;
mod goal;
mod grader;
mod planner;
mod router;
mod tasks;

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: {
        "planner" => |config: planner::Config| Ok(planner::Planner::new(config)),
        "action_router" => |config: router::Config| Ok(router::Router::new(config)),
    },
    environments: { "household" => |config: environment::Config| Ok(environment::Household::new(config)) },
    graders: { "goal" => |_: harness_abi::NoConfig| Ok(grader::Goal) },
}
