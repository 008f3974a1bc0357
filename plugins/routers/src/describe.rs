//! A tool in words, as a prompt shows it.

use harness_abi::ToolSpec;
use serde::Deserialize;

/// How much of a tool's parameters is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameters {
    /// Nothing.
    None,
    /// Their names.
    Names,
    /// Names and descriptions.
    Described,
}

/// Fills `{name}`, `{words}` (the name in words), `{description}` and `{parameters}` of a template; descriptions are cut at `width` characters.
pub fn fill(template: &str, tool: &ToolSpec, parameters: Parameters, width: usize) -> String {
    // One pass, so that a description that holds a placeholder stays as it is.
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let filled = [
            ("{name}", tool.name.clone()),
            ("{words}", tool.name.replace(['_', '.', '-'], " ")),
            ("{description}", cut(&tool.description, width)),
            ("{parameters}", self::parameters(tool, parameters, width)),
        ]
        .into_iter()
        .find(|(placeholder, _)| rest.starts_with(placeholder));
        let taken = match filled {
            Some((placeholder, text)) => {
                out.push_str(&text);
                placeholder.len()
            }
            None => {
                out.push('{');
                1
            }
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    // What is not told leaves no empty line behind.
    out.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn cut(text: &str, width: usize) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(width).collect()
}

fn parameters(tool: &ToolSpec, how: Parameters, width: usize) -> String {
    let all = tool.input_schema["properties"].as_object().into_iter().flatten();
    match how {
        Parameters::None => String::new(),
        Parameters::Names => {
            let names: Vec<&str> = all.map(|(name, _)| name.as_str()).collect();
            if names.is_empty() { String::new() } else { format!("Parameters: {}", names.join(", ")) }
        }
        Parameters::Described => {
            let lines: Vec<String> = all
                .map(|(name, schema)| {
                    cut(&format!("- {name}: {}", schema["description"].as_str().unwrap_or_default()), width)
                })
                .collect();
            if lines.is_empty() { String::new() } else { format!("Parameters:\n{}", lines.join("\n")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fills_once() {
        let tool = ToolSpec {
            name: "get_air".into(),
            description: "The {name} of\n a city.".into(),
            input_schema: json!({"properties": {"city": {"description": "Which"}}}),
            read_only: true,
            idempotent: true,
        };
        let template = "{words} {x}: {description}\n{parameters}\nEnd";
        assert_eq!(fill(template, &tool, Parameters::None, 100), "get air {x}: The {name} of a city.\nEnd");
        assert_eq!(
            fill(template, &tool, Parameters::Described, 10),
            "get air {x}: The {name}\nParameters:\n- city: Wh\nEnd"
        );
    }
}
