//! Modules that know no suite: they work on actions, observations, choices, calls and scores, whatever those are about. None names an
//! environment, a tool or a game.

pub mod action_memory;
pub mod argument_fill;
mod extract;
pub mod irrelevance_guard;
pub mod novelty;
mod past;
pub mod pmi_choice;
mod request;
pub mod self_consistency;

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: {
        "action_memory" => action_memory::ActionMemory::new,
        "novelty" => novelty::Novelty::new,
        "pmi_choice" => pmi_choice::PmiChoice::new,
        "self_consistency" => self_consistency::SelfConsistency::new,
        "argument_fill" => argument_fill::ArgumentFill::new,
        "irrelevance_guard" => irrelevance_guard::IrrelevanceGuard::new,
    },
}
