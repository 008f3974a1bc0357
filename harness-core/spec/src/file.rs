//! An edit applied to the text of a `harness.toml` a person wrote: comments, order and spacing of what it does not touch stay.
//! Refuses to hand out a text that does not parse to the edited harness.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, value};

use crate::apply::{EditError, Named};
use crate::change::Place;
use crate::edit::{Edit, Op};
use crate::harness::{Config, Harness, ModelSpec, ModuleSpec};
use crate::print::{PrintError, config_table, fallback_tables, model_table, module_table, rule_table, toml_value};
use crate::reference::ModuleRef;
use crate::table::ParseError;
use crate::vocabulary::Vocabulary;

/// Why a file cannot be edited; the text is untouched.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FileError {
    /// The text is not a valid harness.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The edit does not apply to it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A new value has no TOML form.
    #[error(transparent)]
    Print(#[from] PrintError),
    /// The file is laid out in a way this cannot keep.
    #[error("the layout of this file cannot be kept under the edit `{edit}`; write the edited harness anew instead")]
    Layout {
        /// The edit in words.
        edit: String,
    },
}

impl Edit {
    /// The text after the edit. It parses to exactly what applying the edit to the parsed text gives.
    ///
    /// # Errors
    ///
    /// When the text does not parse, the edit does not apply, or the text has a form that cannot be edited in place.
    pub fn apply_to_file(&self, text: &str) -> Result<String, FileError> {
        let layout = || FileError::Layout { edit: self.to_string() };
        let before = Harness::parse(text)?;
        let after = self.apply(&before)?;
        let mut document: DocumentMut = text.parse().map_err(|_| layout())?;
        let mut now = before;
        for op in &self.0 {
            let next = Self(vec![op.clone()]).apply(&now)?;
            write(op, &now, &next, document.as_table_mut())?.ok_or_else(layout)?;
            now = next;
        }
        let edited = document.to_string();
        if Harness::parse(&edited).as_ref() == Ok(&after) { Ok(edited) } else { Err(layout()) }
    }
}

/// `None`: the layout has no place for it.
type Written = Result<Option<()>, PrintError>;

fn write(op: &Op, now: &Harness, next: &Harness, root: &mut Table) -> Written {
    match op {
        Op::Insert { place, module, .. } => {
            let table = module_table(module)?;
            insert(root, place.name(), place.list(now), place.list(next), &module.id, table, module_table)
        }
        Op::Remove { place, module, .. } => remove(root, place.name(), place.list(now), &module.id, module_table),
        Op::InsertRule { rule, .. } => {
            insert(root, "adapt", &now.adapt, &next.adapt, &rule.id, rule_table(rule)?, rule_table)
        }
        Op::RemoveRule { rule, .. } => remove(root, "adapt", &now.adapt, &rule.id, rule_table),
        Op::Replace { place, old, new } => {
            let Some(table) = element(root, *place, now, &old.id)? else { return Ok(None) };
            if new.id == new.module.module {
                // The default says it; a written id that differs must go.
                if table.get("id").and_then(Item::as_str).is_some_and(|id| id != new.id) {
                    table.remove("id");
                }
            } else {
                set(table, "id", value(new.id.as_str()));
            }
            rewrite(table, &old.module, &new.module, &old.config, &new.config)
        }
        Op::Move { place, id, .. } => relocate(root, *place, now, next, id),
        Op::Configure { place, id, key, new, .. } => {
            let Some(table) = element(root, *place, now, id)? else { return Ok(None) };
            configure(table, id, key, new.as_ref())
        }
        Op::Model { role, old, new } => model(root, role, old.as_ref(), new.as_ref()),
        Op::Set { key, new, .. } => {
            let item = match new {
                Some(json) => Some(Item::Value(toml_value(key.name(), json)?)),
                None => None,
            };
            let last = last_position(root) + 1;
            let (table, key): (&mut dyn TableLike, &str) = match key.name().split_once('.') {
                None => (root, key.name()),
                Some((section, key)) => {
                    let fresh = || Item::Table(placed(Table::new(), last));
                    match root.entry(section).or_insert_with(fresh).as_table_like_mut() {
                        Some(table) => (table, key),
                        None => return Ok(None),
                    }
                }
            };
            match item {
                Some(item) => set(table, key, item),
                None => {
                    table.remove(key);
                }
            }
            Ok(Some(()))
        }
    }
}

/// Sets a key, keeping the comment and spacing around the old value.
fn set(table: &mut dyn TableLike, key: &str, mut item: Item) {
    if let (Some(old), Some(new)) = (table.get(key).and_then(Item::as_value), item.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(slot) => *slot = item,
        None => {
            table.insert(key, item);
        }
    }
}

/// The array of tables under a key. A list written inline is rewritten as tables: the edit touches it as a whole.
fn tables<'a, T: Named>(
    root: &'a mut Table,
    key: &str,
    list: &[T],
    print: fn(&T) -> Result<Table, PrintError>,
) -> Result<Option<&'a mut ArrayOfTables>, PrintError> {
    let last = last_position(root) + 1;
    if !matches!(root.get(key), Some(Item::ArrayOfTables(_))) {
        let fresh =
            list.iter().map(|item| Ok(placed(print(item)?, last))).collect::<Result<ArrayOfTables, PrintError>>()?;
        root.remove(key);
        root.insert(key, Item::ArrayOfTables(fresh));
    }
    Ok(root.get_mut(key).and_then(Item::as_array_of_tables_mut))
}

fn insert<T: Named>(
    root: &mut Table,
    key: &str,
    now: &[T],
    next: &[T],
    id: &str,
    table: Table,
    print: fn(&T) -> Result<Table, PrintError>,
) -> Written {
    let last = last_position(root) + 1;
    let Some(tables) = tables(root, key, now, print)? else { return Ok(None) };
    let Some(at) = next.iter().position(|item| item.id() == id) else { return Ok(None) };
    put(tables, at, table, last);
    Ok(Some(()))
}

/// Puts a table at an index, at the place in the text where its neighbours are.
fn put(tables: &mut ArrayOfTables, at: usize, table: Table, last: isize) {
    let position = match at.checked_sub(1).and_then(|before| tables.get(before)) {
        Some(before) => last_position(before),
        None => tables.get(0).and_then(Table::position).unwrap_or(last),
    };
    // Tables of one position are written in their order in the tree: behind the one before, ahead of the one behind.
    tables.insert(at, placed(table, position));
}

fn remove<T: Named>(
    root: &mut Table,
    key: &str,
    now: &[T],
    id: &str,
    print: fn(&T) -> Result<Table, PrintError>,
) -> Written {
    let Some(tables) = tables(root, key, now, print)? else { return Ok(None) };
    let Some(at) = now.iter().position(|item| item.id() == id) else { return Ok(None) };
    tables.remove(at);
    if tables.is_empty() {
        root.remove(key);
    }
    Ok(Some(()))
}

fn element<'a>(
    root: &'a mut Table,
    place: Place,
    now: &Harness,
    id: &str,
) -> Result<Option<&'a mut Table>, PrintError> {
    let list = place.list(now);
    let at = list.iter().position(|module| module.id == id);
    let tables = tables::<ModuleSpec>(root, place.name(), list, module_table)?;
    Ok(tables.zip(at).and_then(|(tables, at)| tables.get_mut(at)))
}

fn relocate(root: &mut Table, place: Place, now: &Harness, next: &Harness, id: &str) -> Written {
    let last = last_position(root) + 1;
    let Some(tables) = tables::<ModuleSpec>(root, place.name(), place.list(now), module_table)? else {
        return Ok(None);
    };
    let from = place.list(now).iter().position(|module| module.id == id);
    let to = place.list(next).iter().position(|module| module.id == id);
    let (Some(from), Some(to)) = (from, to) else { return Ok(None) };
    let table = tables.remove(from);
    put(tables, to, table, last);
    Ok(Some(()))
}

fn configure(table: &mut dyn TableLike, place: &str, key: &str, new: Option<&serde_json::Value>) -> Written {
    let Some(new) = new else {
        if let Some(config) = table.get_mut("config").and_then(Item::as_table_like_mut) {
            config.remove(key);
        }
        return Ok(Some(()));
    };
    match table.get_mut("config") {
        None => {
            let config = Config::from([(key.to_owned(), new.clone())]);
            table.insert("config", Item::Table(config_table(place, &config)?));
        }
        Some(config) => match config.as_table_like_mut() {
            Some(config) => set(config, key, Item::Value(toml_value(place, new)?)),
            None => return Ok(None),
        },
    }
    Ok(Some(()))
}

/// Brings `use` and `config` of a table from old to new, key by key.
fn rewrite(table: &mut dyn TableLike, was: &ModuleRef, is: &ModuleRef, old: &Config, new: &Config) -> Written {
    if was != is {
        set(table, "use", value(is.to_string()));
    }
    let place = is.to_string();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        configure(table, &place, key, None)?;
    }
    for (key, json) in new.iter().filter(|(key, json)| old.get(*key) != Some(json)) {
        if configure(table, &place, key, Some(json))?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

fn model(root: &mut Table, role: &str, old: Option<&ModelSpec>, new: Option<&ModelSpec>) -> Written {
    let last = last_position(root) + 1;
    let fresh = || {
        let mut models = Table::new();
        models.set_implicit(true);
        Item::Table(models)
    };
    let Some(models) = root.entry("model").or_insert_with(fresh).as_table_like_mut() else { return Ok(None) };
    match (old, new) {
        (_, None) => {
            models.remove(role);
        }
        (None, Some(new)) => {
            models.insert(role, Item::Table(placed(model_table(new)?, last)));
        }
        (Some(old), Some(new)) => {
            let Some(table) = models.get_mut(role).and_then(Item::as_table_like_mut) else { return Ok(None) };
            if old.fallbacks != new.fallbacks {
                table.remove("fallback");
                if !new.fallbacks.is_empty() {
                    table.insert("fallback", Item::ArrayOfTables(fallback_tables(&new.fallbacks)?));
                }
            }
            return rewrite(table, &old.module, &new.module, &old.config, &new.config);
        }
    }
    Ok(Some(()))
}

/// Gives a table a position in the text; what is under it follows it.
fn placed(mut table: Table, position: isize) -> Table {
    fn clear(table: &mut Table) {
        table.set_position(None);
        for (_, item) in table.iter_mut() {
            match item {
                Item::Table(inner) => clear(inner),
                Item::ArrayOfTables(inner) => inner.iter_mut().for_each(clear),
                _ => {}
            }
        }
    }
    clear(&mut table);
    table.set_position(Some(position));
    table
}

/// The greatest position of a table and all that is under it.
fn last_position(table: &Table) -> isize {
    let inner = table.iter().flat_map(|(_, item)| match item {
        Item::Table(inner) => vec![last_position(inner)],
        Item::ArrayOfTables(inner) => inner.iter().map(last_position).collect(),
        _ => Vec::new(),
    });
    inner.chain(table.position()).max().unwrap_or(0)
}
