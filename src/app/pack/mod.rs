//! Packs of modules: what is installed, what a pack says of itself, a new pack, its keys and signature, and its way into a workspace and
//! out of it. `list`, `inspect`, `sign` and `remove` never load one.

mod add;
mod check;
mod foreign;
mod inspect;
mod keygen;
mod list;
mod lock;
mod new;
mod release;
mod remove;
mod review;
mod sign;
mod trust;
mod verify;

pub use self::{
    add::{AddRequest, Installed, install, review},
    check::{Check, CheckRequest, CheckResult, Checked, ConformanceReport, check},
    inspect::{Inspected, InspectedFile, inspect},
    keygen::{Keys, keygen},
    list::{Listed, ListedPack, ModuleLine, RefusedFile, list},
    lock::{Locked, LockedLine, LockedShow, lock},
    new::{Kind, Made, NewRequest, new},
    release::{Quarantined, release},
    remove::{Removed, remove},
    review::{Review, ShownChange},
    sign::{SignRequest, Signed, sign},
    trust::{TrustRequest, Trusted, trust},
    verify::{Verified, VerifiedPack, verify},
};
pub(super) use self::{foreign::foreign, review::shown};
