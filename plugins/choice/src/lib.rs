//! Ways to put options to a model. Every module takes the options from where a harness finds them: a constraint that others set, or
//! the actions that the environment admits. None names an environment or a suite, and none reads which option is right.

mod letters;
mod question;
mod rule;
mod scoring;
mod statements;
mod texts;

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: {
        "letters" => letters::Letters::new,
        "texts" => texts::Texts::new,
        "statements" => statements::Statements::new,
        "rule" => rule::Rule::new,
    },
}
