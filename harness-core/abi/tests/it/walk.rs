//! Every type of this crate that crosses the plugin ABI, as text: one paragraph per type, found from the root of a pack.
//!
//! ```text
//! struct error::ModuleError size 80 align 8
//!   class error::ErrorClass
//!   message RString
//! ```
//!
//! Types of abi_stable and of the standard library appear by name, with what they are made of where that is ours; their
//! own layouts are abi_stable's to keep, and its version is compared before anything else when a pack is loaded.

use std::{collections::VecDeque, fmt::Write};

use harness_abi::{
    PackRef,
    abi_stable::{
        StableAbi,
        type_layout::{TLData, TLField, TypeLayout},
    },
};

/// The layouts as text, in the order they are found.
pub fn text() -> String {
    let mut walk = Walk::default();
    walk.name(<PackRef as StableAbi>::LAYOUT);
    let mut text = String::new();
    while let Some(layout) = walk.open.pop_front() {
        text += &walk.paragraph(layout);
        text.push('\n');
    }
    text
}

#[derive(Default)]
struct Walk {
    /// Types of this crate that were found.
    seen: Vec<&'static TypeLayout>,
    open: VecDeque<&'static TypeLayout>,
    /// Types of other crates whose name is being made: they may contain themselves.
    within: Vec<&'static TypeLayout>,
}

fn ours(layout: &TypeLayout) -> bool {
    layout.package() == "harness-abi"
}

impl Walk {
    /// The name of a type. One of ours gets a paragraph; one of others is written with what it is generic over.
    fn name(&mut self, layout: &'static TypeLayout) -> String {
        let words = layout.full_type().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if ours(layout) {
            if !self.seen.contains(&layout) {
                self.seen.push(layout);
                self.open.push_back(layout);
            }
            let path = layout.mod_path().to_string();
            return format!("{}::{words}", path.trim_start_matches("harness_abi::"));
        }
        let word: String = words.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if matches!(word.as_str(), "RStr" | "RString") || self.within.contains(&layout) {
            return word;
        }
        self.within.push(layout);
        let parts = self.parts(layout);
        self.within.pop();
        match (layout.data(), parts.as_slice()) {
            (_, []) => words,
            (TLData::Primitive(_), [target]) => {
                let sign: String = words.chars().take_while(|c| !c.is_whitespace()).collect();
                format!("{sign} {target}")
            }
            // Its storage is as large as the enum was told to become at most.
            _ if word == "NonExhaustive" => format!("{word}<{}; size {}>", parts.join(", "), layout.size()),
            _ => format!("{word}<{}>", parts.join(", ")),
        }
    }

    /// What tells a type of another crate from others of its name: what it is generic over, and what in it is ours.
    fn parts(&mut self, layout: &'static TypeLayout) -> Vec<String> {
        let mut parts: Vec<String> = layout.phantom_fields().iter().map(|field| self.name(field.layout())).collect();
        match layout.data() {
            TLData::Enum(data) => parts.extend(data.fields.iter().map(|field| self.name(field.layout()))),
            TLData::Struct { fields } => {
                let marker = fields.iter().find(|field| field.name() == "_marker");
                if let Some(marker) = marker.as_ref().filter(|marker| marker.function_range().is_empty()) {
                    let generic = marker.layout().phantom_fields();
                    parts.extend(generic.iter().map(|field| self.name(field.layout())));
                    return parts;
                }
                for field in fields.iter() {
                    let name = self.name(field.layout());
                    // Names of ours, and only those, carry their module.
                    if name.contains("::") {
                        parts.push(name);
                    }
                    parts.extend(self.functions(&field));
                }
            }
            _ => {}
        }
        parts
    }

    fn functions(&mut self, field: &TLField) -> Vec<String> {
        let functions = field.function_range().iter();
        functions
            .map(|function| {
                let parameters = function.param_type_layouts.iter();
                let parameters: Vec<String> = parameters.map(|layout| self.name(layout())).collect();
                let returned = function.return_type_layout().map_or("()".into(), |layout| self.name(layout()));
                let safety = if function.fn_qualifs.is_unsafe() { "unsafe " } else { "" };
                let lifetimes = format!("{:?}", function.paramret_lifetime_indices);
                let lifetimes = lifetimes.split(|c: char| !c.is_ascii_uppercase()).filter(|word| word.len() > 1);
                let lifetimes: Vec<&str> = lifetimes.filter(|word| *word != "NONE").collect();
                let lifetimes = lifetimes.join(" ").to_lowercase();
                let lifetimes = if lifetimes.is_empty() { lifetimes } else { format!(" [{lifetimes}]") };
                format!("{safety}fn({}) -> {returned}{lifetimes}", parameters.join(", "))
            })
            .collect()
    }

    fn paragraph(&mut self, layout: &'static TypeLayout) -> String {
        let mut text = String::new();
        let name = self.name(layout);
        let (size, align) = (layout.size(), layout.alignment());
        match layout.data() {
            TLData::Primitive(_) | TLData::Opaque => writeln!(text, "opaque {name} size {size} align {align}").unwrap(),
            TLData::Struct { fields } => {
                writeln!(text, "struct {name} size {size} align {align}").unwrap();
                self.fields(fields.iter(), "  ", &mut text);
            }
            TLData::Union { fields } => {
                writeln!(text, "union {name} size {size} align {align}").unwrap();
                self.fields(fields.iter(), "  ", &mut text);
            }
            TLData::PrefixType(prefix) => {
                // Its size grows with its fields: no part of what must stay.
                let required = prefix.first_suffix_field;
                writeln!(text, "prefix {name} align {align} required {required}").unwrap();
                self.fields(prefix.fields.iter(), "  ", &mut text);
            }
            TLData::Enum(data) => {
                // The storage of an enum that may grow is that of the struct around it.
                match data.exhaustiveness.is_nonexhaustive() {
                    true => writeln!(text, "growing {name} align {align}").unwrap(),
                    false => writeln!(text, "enum {name} size {size} align {align}").unwrap(),
                }
                let mut fields = data.fields.iter();
                for (index, variant) in data.variant_names_iter().enumerate() {
                    writeln!(text, "  {variant}").unwrap();
                    let count = usize::from(data.field_count[index]);
                    self.fields(fields.by_ref().take(count), "    ", &mut text);
                }
                writeln!(text, "  discriminants {:?}", data.discriminants).unwrap();
            }
        }
        for field in layout.phantom_fields().iter() {
            writeln!(text, "  with {}", self.name(field.layout())).unwrap();
        }
        if let Some(checks) = layout.extra_checks() {
            let words = checks.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(text, "  checks {words}").unwrap();
        }
        text
    }

    fn fields(&mut self, fields: impl Iterator<Item = TLField>, indent: &str, text: &mut String) {
        for field in fields {
            let functions = self.functions(&field).join(" ");
            match field.is_function() {
                true => writeln!(text, "{indent}{} {functions}", field.name()),
                false if functions.is_empty() => {
                    writeln!(text, "{indent}{} {}", field.name(), self.name(field.layout()))
                }
                false => writeln!(text, "{indent}{} {} {functions}", field.name(), self.name(field.layout())),
            }
            .unwrap();
        }
    }
}
