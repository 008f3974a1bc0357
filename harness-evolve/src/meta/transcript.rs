//! An episode as a short text for a reader: what was said, done and seen, the beginning and the end of it. Refuses to be whole:
//! a long text costs more than it tells.

use std::fmt::Write;

use harness_trace::{Entry, ExploreTrace};

/// Most characters of one line.
const LINE: usize = 240;

/// At most about `most` characters: the first quarter, then the end.
pub(crate) fn transcript(trace: &ExploreTrace, most: usize) -> String {
    let lines: Vec<String> = trace.entries().iter().filter_map(|(step, entry)| line(*step, entry)).collect();
    let mut head = String::new();
    let mut from = 0;
    for line in &lines {
        if head.len() + line.len() > most / 4 {
            break;
        }
        head += line;
        from += 1;
    }
    let (mut tail, mut to) = (0, lines.len());
    while to > from && tail + lines.get(to - 1).map_or(0, String::len) <= most - most / 4 {
        to -= 1;
        tail += lines.get(to).map_or(0, String::len);
    }
    if to > from {
        let _: std::fmt::Result = writeln!(head, "… {} lines left out …", to - from);
    }
    lines.iter().skip(to).for_each(|line| head += line);
    head
}

fn line(step: u64, entry: &Entry) -> Option<String> {
    let text = match entry {
        Entry::Message { message } => format!("{:?}: {}", message.role(), message.text()),
        Entry::Decided { hook, module, decisions } => format!("{module} at {}: {decisions}", hook.name()),
        Entry::Tool { name, arguments, is_error, .. } => {
            format!("called {name} {arguments}{}", if *is_error { ", which failed" } else { "" })
        }
        Entry::Observed { observation } => {
            format!("seen{}: {}", if observation.invalid { " (refused)" } else { "" }, observation.text)
        }
        Entry::Fault { module, message, .. } => format!("{module} failed: {message}"),
        _ => return None,
    };
    let one: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LINE).collect();
    Some(format!("{step}. {one}\n"))
}
