//! Text on its way to a person. Whatever is written here comes from models, tools, packs, servers or files of others as likely as from
//! us: [`stream`] is the only way to the standard streams, and it spells out every character that would act on a terminal or hide
//! something. [`question`] asks a person something that cannot be hidden or answered before it was asked.

mod escape;
pub mod question;
pub mod stream;

pub use escape::{Form, Visible, exact, hidden, json, line, text};
