//! The same weights in this process and behind a server of llama.cpp: the same prompts, token by token, and as many equal replies as two
//! ways of rounding allow (docs/models.md says why no more). Needs such a server with the weights of `smollm2` at
//! `$HARNESS_TEST_SMOLLM2_URL`, and skips without.

use serde_json::Value;

use crate::support::Workspace;

/// Questions whose answers a small model words in its own way.
const PROMPTS: [&str; 24] = [
    "Which of these is a fruit: oak, apple, slate?",
    "What is the capital of France?",
    "Name three colours.",
    "What does a baker make?",
    "How many legs has a spider?",
    "Say hello in Spanish.",
    "What is two plus two?",
    "Which is larger, the sun or the moon?",
    "What do bees make?",
    "Finish the proverb: an apple a day",
    "Is ice hot or cold?",
    "What is the opposite of up?",
    "Name an animal that flies.",
    "What is water made of?",
    "Who wrote Hamlet?",
    "What is the first month of the year?",
    "Give a word that rhymes with cat.",
    "What colour is grass?",
    "Where do fish live?",
    "What is a group of wolves called?",
    "Translate to French: good morning.",
    "How many days has a week?",
    "What is the boiling point of water in Celsius?",
    "Name a tool used to cut wood.",
];

const HARNESS: &str = "[sampling]\ntemperature = 0.0\nmax_tokens = 24\n\n[[processor]]\nuse = \"std/system_prompt\"\nconfig.text = \"Answer in one short sentence.\"\n";

fn ask(workspace: &Workspace, file: &str, prompt: &str) -> Value {
    workspace.json(&["run", file, "--prompt", prompt])
}

/// What both replies begin with.
fn shared<'a>(a: &'a str, b: &str) -> &'a str {
    let end =
        a.char_indices().zip(b.chars()).find(|((_, x), y)| x != y).map_or(a.len().min(b.len()), |((at, _), _)| at);
    a.get(..end).unwrap_or_default()
}

#[test]
fn in_process_and_over_http_give_the_same_episodes() {
    let home = std::env::var("HOME").unwrap_or_default();
    let weights = std::path::Path::new(&home).join(".cache/harness/models/smollm2-135m-instruct-q4_1.gguf");
    let Ok(url) = std::env::var("HARNESS_TEST_SMOLLM2_URL") else {
        eprintln!("skipped: HARNESS_TEST_SMOLLM2_URL names no server with the weights of smollm2");
        return;
    };
    if !weights.exists() {
        eprintln!("skipped: no {}", weights.display());
        return;
    }
    let workspace = Workspace::with(&["gguf"]);
    let model = |text: String| format!("[model.main]\n{text}\n{HARNESS}");
    workspace.put("here.toml", model(format!("use = \"gguf/gguf\"\nconfig.path = \"{}\"\n", weights.display())));
    // llama-cpp-python counts no tokens of a stream, and penalises repetition unless told not to.
    let config = "stream = false, extra_body = { repeat_penalty = 1.0 }";
    let server = format!("model = \"smollm2\", base_url = \"{url}\", api_key_env = \"\", {config}");
    workspace.put("there.toml", model(format!("use = \"models/openai\"\nconfig = {{ {server} }}\n")));

    let mut same = 0;
    for prompt in PROMPTS {
        let (here, there) = (ask(&workspace, "here.toml", prompt), ask(&workspace, "there.toml", prompt));
        let read = |run: &Value| run["usage"]["input_tokens"].as_u64();
        assert_eq!(read(&here), read(&there), "the template makes other tokens of: {prompt}");
        let words = |run: &Value| run["answer"].as_str().unwrap_or_default().trim().to_owned();
        let (a, b) = (words(&here), words(&there));
        if a == b {
            same += 1;
        } else {
            eprintln!("{prompt}\n  both   {}\n  here   {a}\n  there  {b}", shared(&a, &b));
        }
    }
    eprintln!("{same} of {} replies are the same", PROMPTS.len());
    assert!(same * 3 >= PROMPTS.len(), "{same} of {} are the same: fewer than rounding explains", PROMPTS.len());
}
