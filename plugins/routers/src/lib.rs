//! Tool routers: processors of the role `tool_router`. Each ranks the visible tools for the user's request and shows the model the
//! best of them. None fills arguments, and none shows a tool that was hidden before it.

mod describe;
pub mod direct;
pub mod lexical;
pub mod noisy_channel;
pub mod pmi;
mod rank;
mod route;
mod words;

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: {
        "lexical" => lexical::new,
        "direct" => direct::new,
        "pmi" => pmi::new,
        "noisy_channel" => noisy_channel::new,
    },
}
