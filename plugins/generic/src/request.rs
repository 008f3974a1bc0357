//! The user's request, as it was when it came: processors add to messages later.

use harness_abi::{Cx, Role};

/// Listens for the request.
#[derive(Debug, Default)]
pub struct Request {
    text: Option<String>,
}

impl Request {
    /// Call at before_model, ahead of processors that write into messages.
    pub fn listen(&mut self, cx: &Cx<'_>) {
        let of_user = |message: &&harness_abi::Message| message.role() == Role::User && message.id() != "demonstration";
        let message = match self.text {
            None => cx.history().iter().rfind(of_user),
            Some(_) => cx.history().last().filter(of_user),
        };
        if let Some(message) = message {
            self.text = Some(message.text().into_owned());
        }
    }

    /// Its text, once there is one.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}
