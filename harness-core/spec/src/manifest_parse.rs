//! The text of a manifest → [`PackManifest`]. Refuses unknown keys, hooks on what is not a processor, defaults outside their own
//! range: a manifest that contradicts itself is not admitted.

use std::collections::BTreeMap;

use harness_abi::Kind;
use serde_json::Value;

use crate::manifest::{FailureCategory, Field, Module, Pack, PackManifest, Sign};
use crate::table::{ParseError, Problem, Table, document};
use crate::vocabulary::{FieldType, Order, Permission, Vocabulary};

const MODULE_KEYS: [&str; 18] = [
    "name",
    "kind",
    "slot",
    "role",
    "dimension",
    "hooks",
    "order",
    "after",
    "summary",
    "config",
    "permissions",
    "needs",
    "provides",
    "addresses",
    "blocking",
    "deterministic",
    "shared",
    "foreign",
];

const CATEGORY_KEYS: [&str; 9] =
    ["name", "summary", "refines", "observed", "said", "tool_error", "part", "below", "times"];

const FIELD_KEYS: [&str; 9] =
    ["type", "default", "minimum", "maximum", "enum", "description", "required", "tunable", "variants"];

impl PackManifest {
    /// Reads the TOML text of a manifest.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        document(text, |root| {
            root.only(&["pack", "module", "category"])?;
            let pack = root.table("pack")?.ok_or_else(|| root.missing("pack", "{ name = \"…\", … }"))?;
            let pack = read_pack(&pack)?;
            let mut modules: Vec<Module> = Vec::new();
            for table in root.tables("module")? {
                let module = read_module(&table)?;
                if modules.iter().any(|other| other.name == module.name) {
                    let problem = format!("the pack has two modules `{}`; rename one", module.name);
                    return Err(table.error_at("name", Problem::Other(problem)));
                }
                modules.push(module);
            }
            let mut categories: Vec<FailureCategory> = Vec::new();
            for table in root.tables("category")? {
                let category = read_category(&table)?;
                if categories.iter().any(|other| other.name == category.name) {
                    let problem = format!("the pack has two categories `{}`; rename one", category.name);
                    return Err(table.error_at("name", Problem::Other(problem)));
                }
                categories.push(category);
            }
            Ok(Self { pack, modules, categories })
        })
    }
}

fn read_pack(table: &Table<'_>) -> Result<Pack, ParseError> {
    table.only(&["name", "version", "publisher", "abi", "description"])?;
    Ok(Pack {
        name: required_name(table)?,
        version: table.parsed("version", "\"1.0.0\"")?,
        publisher: table.string("publisher")?.map(str::to_owned),
        abi: table.parsed("abi", "\"1.0.0\"")?,
        description: table.string("description")?.unwrap_or_default().to_owned(),
    })
}

fn read_category(table: &Table<'_>) -> Result<FailureCategory, ParseError> {
    table.only(&CATEGORY_KEYS)?;
    let text = |key| Ok(table.string(key)?.map(str::to_owned));
    let part = match (text("part")?, table.number("below")?) {
        (Some(name), Some(below)) => Some(Sign::Part { name, below }),
        (Some(_), None) => return Err(table.missing("below", "1.0")),
        (None, _) => None,
    };
    let signs = [
        text("observed")?.map(Sign::Observed),
        text("said")?.map(Sign::Said),
        text("tool_error")?.map(Sign::ToolError),
        part,
    ];
    let mut signs = signs.into_iter().flatten();
    let (Some(shows), None) = (signs.next(), signs.next()) else {
        let problem = "a category has exactly one of `observed`, `said`, `tool_error`, `part`";
        return Err(table.error(Problem::Other(problem.to_owned())));
    };
    let times = table.number("times")?.unwrap_or(1.0);
    if !(1.0..=1e6).contains(&times) || times.fract() != 0.0 {
        return Err(table.error_at("times", Problem::Other(format!("`times` must be an integer from 1, not {times}"))));
    }
    Ok(FailureCategory {
        name: required_name(table)?,
        summary: table.string("summary")?.unwrap_or_default().to_owned(),
        refines: table.name("refines")?.map(str::to_owned),
        shows,
        times: times as u32,
    })
}

fn required_name(table: &Table<'_>) -> Result<String, ParseError> {
    table.name("name")?.map(str::to_owned).ok_or_else(|| table.missing("name", "\"…\""))
}

/// The slot of a processor. `role` is what manifests of earlier versions call it.
fn slot(table: &Table<'_>) -> Result<Option<String>, ParseError> {
    let (slot, role) = (table.name("slot")?, table.name("role")?);
    if slot.is_some() && role.is_some() {
        return Err(
            table.error_at("role", Problem::Other("`role` is the old word for `slot`; leave it out".to_owned()))
        );
    }
    Ok(slot.or(role).map(str::to_owned))
}

fn read_module(table: &Table<'_>) -> Result<Module, ParseError> {
    table.only(&MODULE_KEYS)?;
    let kind: Kind = table.word("kind")?.ok_or_else(|| table.missing("kind", "\"processor\""))?;
    let names = |key| Ok(table.strings(key)?.into_iter().map(|(name, _)| name.to_owned()).collect());
    let mut module = Module {
        name: required_name(table)?,
        kind,
        slot: slot(table)?,
        dimension: table.word("dimension")?.ok_or_else(|| table.missing("dimension", "\"D7\""))?,
        hooks: table.words("hooks")?,
        order: table.word("order")?.unwrap_or(Order::Normal),
        after: names("after")?,
        summary: table.string("summary")?.unwrap_or_default().to_owned(),
        config: BTreeMap::new(),
        permissions: table.words("permissions")?,
        needs: table.words("needs")?,
        provides: table.words("provides")?,
        addresses: names("addresses")?,
        blocking: table.boolean("blocking")?.unwrap_or(matches!(kind, Kind::Tool | Kind::Model)),
        deterministic: table.boolean("deterministic")?.unwrap_or(false),
        foreign: table.boolean("foreign")?.unwrap_or(false),
        shared: table.boolean("shared")?.unwrap_or(matches!(kind, Kind::Model | Kind::Grader)),
    };
    module.hooks.sort_unstable();
    module.hooks.dedup();
    let processor = kind == Kind::Processor;
    if processor && module.hooks.is_empty() {
        return Err(table.missing("hooks", "[\"before_model\"]"));
    }
    for key in ["hooks", "order", "after"] {
        if !processor && table.keys().any(|k| k == key) {
            let problem =
                format!("`{key}` is for processors, and `{}` is a {}; remove it", module.name, Vocabulary::name(kind));
            return Err(table.error_at(key, Problem::Other(problem)));
        }
    }
    if kind != Kind::Model && !module.provides.is_empty() {
        let problem =
            format!("`provides` is for models, and `{}` is a {}; remove it", module.name, Vocabulary::name(kind));
        return Err(table.error_at("provides", Problem::Other(problem)));
    }
    if let Some(config) = table.table("config")? {
        let names: Vec<String> = config.keys().map(str::to_owned).collect();
        for name in names {
            if let Some(field) = config.table(&name)? {
                module.config.insert(name, read_field(&field)?);
            }
        }
    }
    answered_by_harness(table, &module)?;
    Ok(module)
}

/// Whether a module with a harness in its config is one that may have it.
fn answered_by_harness(table: &Table<'_>, module: &Module) -> Result<(), ParseError> {
    let fields = module.config.values().filter(|field| field.field_type == FieldType::Harness).count();
    let refuse = |key: &str, problem: String| Err(table.error_at(key, Problem::Other(problem)));
    match fields {
        0 => Ok(()),
        _ if module.kind != Kind::Tool => {
            let kind = Vocabulary::name(module.kind);
            refuse(
                "kind",
                format!("a harness answers calls of tools, and `{}` is a {kind}; remove the field", module.name),
            )
        }
        1 if module.permissions.contains(&Permission::Model) => Ok(()),
        1 => refuse(
            "name",
            format!("a harness that answers for `{}` asks models; give it the permission `model`", module.name),
        ),
        _ => refuse("config", format!("one harness answers for `{}`; keep one of {fields} fields", module.name)),
    }
}

fn read_field(table: &Table<'_>) -> Result<Field, ParseError> {
    table.only(&FIELD_KEYS)?;
    let field = Field {
        field_type: table.word("type")?.ok_or_else(|| table.missing("type", "\"string\""))?,
        default: table.json("default")?,
        minimum: table.number("minimum")?,
        maximum: table.number("maximum")?,
        choices: table.json_list("enum")?,
        description: table.string("description")?.unwrap_or_default().to_owned(),
        required: table.boolean("required")?.unwrap_or(false),
        tunable: table.boolean("tunable")?.unwrap_or(false),
        variants: table.json_list("variants")?,
    };
    let numeric = matches!(field.field_type, FieldType::Integer | FieldType::Number);
    for (key, bound) in [("minimum", field.minimum), ("maximum", field.maximum)] {
        if bound.is_some() && !numeric {
            let problem = format!("`{key}` is for numbers, and this field is a {}; remove it", field.field_type);
            return Err(table.error_at(key, Problem::Other(problem)));
        }
    }
    if let (Some(low), Some(high)) = (field.minimum, field.maximum)
        && low > high
    {
        return Err(table.error_at("minimum", Problem::Other(format!("`minimum` {low} is above `maximum` {high}"))));
    }
    if field.required && field.default.is_some() {
        let problem = "a required field has no use for a default; keep one of `required`, `default`";
        return Err(table.error_at("default", Problem::Other(problem.to_owned())));
    }
    let own: [(&str, &[Value]); 3] =
        [("default", field.default.as_slice()), ("enum", &field.choices), ("variants", &field.variants)];
    for (key, values) in own {
        for value in values {
            if let Err(expected) = field.accepts(value) {
                let problem = format!("`{key}` gives `{value}`, but the field must be {expected}");
                return Err(table.error_at(key, Problem::Other(problem)));
            }
        }
    }
    Ok(field)
}
