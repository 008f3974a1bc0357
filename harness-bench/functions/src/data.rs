//! Reads a folder of BFCL v4 data. Everything present is read and checked once, on opening; a
//! category whose file is absent is simply not there, one whose file is broken is an error.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{DataError, LineFault};
use crate::lines::{fault_at, lines};
use crate::pull::BFCL_VERSION;
use crate::row;
use crate::task::{Category, FunctionTask, GoldCall};
use crate::written;

/// Where tasks come from: results on the one are never reported as results on the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Data of the Berkeley Function Calling Leaderboard, in this folder.
    Bfcl(PathBuf),
    /// The small set this crate carries, for tests and for trying things without a download.
    SelfWritten,
}

impl Origin {
    /// What a report calls it: `functions` or `functions-selfwritten`.
    pub fn label(&self) -> &'static str {
        match self {
            Origin::Bfcl(_) => "functions",
            Origin::SelfWritten => "functions-selfwritten",
        }
    }

    fn describe(&self) -> String {
        match self {
            Origin::Bfcl(dir) => dir.display().to_string(),
            Origin::SelfWritten => "the self-written set".to_owned(),
        }
    }
}

/// The tasks of one source, by category, in file order.
#[derive(Debug, Clone)]
pub struct Dataset {
    origin: Origin,
    tasks: HashMap<Category, Vec<FunctionTask>>,
}

impl Dataset {
    /// Opens `dir`: the unzipped `bfcl-eval` wheel, its `bfcl_eval/data` folder, or a cache folder
    /// filled by [`crate::pull::pull_bfcl`] (at any of its levels).
    ///
    /// # Errors
    /// [`DataError::NotFound`] when no layout fits, [`DataError::Line`] for a broken line.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, DataError> {
        let folder = locate(dir.as_ref())?;
        let mut tasks = HashMap::new();
        for category in Category::ALL {
            let path = folder.join(file_name(category));
            if path.is_file() {
                tasks.insert(category, read_category(&folder, category)?);
            }
        }
        Ok(Dataset { origin: Origin::Bfcl(folder), tasks })
    }

    /// The small set of our own: the same format, no download, not BFCL.
    ///
    /// # Errors
    /// [`DataError::Line`] if the embedded file were broken; a test reads all of it.
    pub fn self_written() -> Result<Self, DataError> {
        Ok(Dataset { origin: Origin::SelfWritten, tasks: written::tasks()? })
    }

    /// The tasks of one category, in file order.
    ///
    /// # Errors
    /// [`DataError::MissingCategory`] when this source does not hold it.
    pub fn tasks(&self, category: Category) -> Result<&[FunctionTask], DataError> {
        self.tasks.get(&category).map(Vec::as_slice).ok_or_else(|| DataError::MissingCategory {
            category,
            origin: self.origin.describe(),
            present: self.categories().map(Category::name).collect::<Vec<_>>().join(", "),
        })
    }

    /// The categories present, in the leaderboard's order.
    pub fn categories(&self) -> impl Iterator<Item = Category> {
        Category::ALL.into_iter().filter(|category| self.tasks.contains_key(category))
    }

    /// Where the tasks come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn file_name(category: Category) -> String {
    format!("BFCL_v4_{category}.json")
}

fn locate(dir: &Path) -> Result<PathBuf, DataError> {
    let below = [
        PathBuf::from("data"),
        PathBuf::from("bfcl_eval").join("data"),
        PathBuf::from("bfcl").join(BFCL_VERSION),
        PathBuf::from(BFCL_VERSION),
    ];
    let holds_data =
        |folder: &PathBuf| Category::ALL.into_iter().any(|category| folder.join(file_name(category)).is_file());
    std::iter::once(dir.to_path_buf()).chain(below.iter().map(|part| dir.join(part))).find(holds_data).ok_or_else(
        || DataError::NotFound {
            dir: dir.to_path_buf(),
            looked: below.iter().map(|part| part.display().to_string()).collect(),
        },
    )
}

fn read_category(folder: &Path, category: Category) -> Result<Vec<FunctionTask>, DataError> {
    let path = folder.join(file_name(category));
    let text = read(&path)?;
    let mut tasks = Vec::new();
    let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
    for (number, line) in lines(&text) {
        let broken = fault_at(&path, number);
        let task = row::task(line, category, "").map_err(&broken)?;
        if seen.insert(task.id.clone(), (tasks.len(), number)).is_some() {
            return Err(broken(LineFault::Twice(task.id)));
        }
        tasks.push(task);
    }
    if !category.has_gold() {
        return Ok(tasks);
    }
    let gold_path = folder.join("possible_answer").join(file_name(category));
    let gold_text = read(&gold_path)?;
    for (number, line) in lines(&gold_text) {
        let broken = fault_at(&gold_path, number);
        let (id, gold): (String, Vec<GoldCall>) = row::gold(line).map_err(&broken)?;
        let Some((index, _)) = seen.remove(&id) else {
            return Err(broken(LineFault::NoTask(id)));
        };
        row::attach(&mut tasks[index], gold).map_err(broken)?;
    }
    match seen.into_iter().min_by_key(|(_, (_, number))| *number) {
        Some((id, (_, number))) => Err(fault_at(&path, number)(LineFault::NoGold(id))),
        None => Ok(tasks),
    }
}

fn read(path: &Path) -> Result<String, DataError> {
    fs::read_to_string(path).map_err(|source| DataError::Io { path: path.to_path_buf(), source })
}
