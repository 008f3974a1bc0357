//! Finding packs among files: each is read, inspected and admitted by itself, several at a time, for there may be hundreds.
//! The results come in the order of the folders. Refuses to let one bad file keep the others out.

use std::{
    num::NonZero,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use crate::{HostError, Inspected, Refusal, admit::Rules, inspect, installed::Source, search};

/// Which files are wanted, once it is known what they are.
pub(crate) type Wanted<'a> = dyn Fn(&Inspected) -> bool + Sync + 'a;

/// A pack that may come in, or why a file may not; `None` where it is not wanted.
pub(crate) type Found = Result<Option<(Inspected, Source)>, HostError>;

/// Examines files, then everything in folders.
pub(crate) fn find(files: &[PathBuf], folders: &[PathBuf], rules: &Rules, wanted: &Wanted<'_>) -> Vec<Found> {
    let mut places: Vec<Result<PathBuf, HostError>> = files.iter().cloned().map(Ok).collect();
    for folder in folders {
        match search::files(folder) {
            Ok(files) => places.extend(files.into_iter().map(Ok)),
            Err(error) => {
                places.push(Err(HostError::Refused { path: folder.clone(), refusal: Refusal::Read(error) }));
            }
        }
    }
    side_by_side(places, |place| place.and_then(|path| examine(&path, rules, wanted)))
}

fn examine(path: &Path, rules: &Rules, wanted: &Wanted<'_>) -> Found {
    let (inspected, bytes) = inspect::read(path)?;
    if !wanted(&inspected) {
        return Ok(None);
    }
    let trust = rules.admit(&inspected, &bytes);
    let trust = trust.map_err(|refusal| HostError::Refused { path: path.to_owned(), refusal })?;
    let source = Source::File(Box::new(inspected.clone()), Arc::new(bytes), trust);
    Ok(Some((inspected, source)))
}

/// Does the same to all, on as many threads as there are cores; what comes of them is in order.
fn side_by_side<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(cores).max(1);
    let mut items = items.into_iter();
    let shares = std::iter::from_fn(|| {
        let share: Vec<T> = items.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    });
    thread::scope(|scope| {
        let work = &work;
        let done: Vec<_> =
            shares.map(|share| scope.spawn(move || share.into_iter().map(work).collect::<Vec<R>>())).collect();
        done.into_iter().flat_map(|done| done.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}
