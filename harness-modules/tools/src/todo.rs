//! `todo`: a list of things to do. Each call says the whole list, so that it lives in the conversation and nowhere else.

use harness_abi::{ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use crate::answer::{self, Refusal};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TodoConfig {
    items: usize,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Todo(TodoConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    todos: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    content: String,
    status: Status,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    InProgress,
    Completed,
}

impl Todo {
    pub fn new(config: TodoConfig) -> Self {
        Self(config)
    }

    fn answer(&self, request: &ToolRequest<'_>) -> Result<String, Refusal> {
        let Arguments { todos } = answer::arguments(request)?;
        if todos.len() > self.0.items {
            return Err(Refusal(format!("{} things to do, at most {} are kept: join some", todos.len(), self.0.items)));
        }
        if let Some(at) = todos.iter().position(|item| item.content.trim().is_empty()) {
            return Err(Refusal(format!("thing {} to do is empty", at + 1)));
        }
        let done = todos.iter().filter(|item| item.status == Status::Completed).count();
        let lines = todos.iter().map(|item| {
            let mark = match item.status {
                Status::Pending => " ",
                Status::InProgress => ">",
                Status::Completed => "x",
            };
            format!("[{mark}] {}\n", item.content.trim().replace('\n', " "))
        });
        Ok(format!("{done} of {} done\n{}", todos.len(), lines.collect::<String>()))
    }
}

impl Tool for Todo {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "todo".to_owned(),
            description:
                "Writes down what is to be done, whole, each time something changes; helps with tasks of many steps."
                    .to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "todos": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "content": {"type": "string", "description": "What is to be done"},
                                "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]}
                            },
                            "required": ["content", "status"],
                            "additionalProperties": false
                        }
                    }
                },
                "required": ["todos"],
                "additionalProperties": false
            }),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        answer::output(self.answer(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::tests::call;

    #[test]
    fn the_list_is_said_back() {
        let tool = Todo::new(TodoConfig { items: 2 });
        let nowhere = std::path::Path::new("/");
        let todos = json!({"todos": [{"content": "look\nround", "status": "completed"}, {"content": "act", "status": "in_progress"}]});
        assert_eq!(call(&tool, nowhere, &todos).text, "1 of 2 done\n[x] look round\n[>] act\n");
        for wrong in [
            json!({"todos": [{"content": "a", "status": "done"}]}),
            json!({"todos": [{"content": " ", "status": "pending"}]}),
            json!({"todos": vec![json!({"content": "a", "status": "pending"}); 3]}),
            json!([]),
        ] {
            assert!(call(&tool, nowhere, &wrong).is_error, "{wrong}");
        }
    }
}
