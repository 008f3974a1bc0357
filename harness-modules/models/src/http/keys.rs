//! The keys of a service: one at a time, the next when a server is done with one. Refuses to start with a name that holds none.

use std::sync::atomic::{AtomicUsize, Ordering};

use harness_abi::ModuleError;

/// A key and where it came from.
#[derive(Clone)]
pub struct Key {
    /// The environment variable.
    pub name: String,
    /// The key itself.
    pub secret: String,
}

/// All keys of a service; the one in use is shared by all calls.
pub struct Keys {
    keys: Vec<Key>,
    current: AtomicUsize,
}

impl Keys {
    /// Reads the keys that `names`, environment variables separated by commas, hold.
    pub fn read(names: &str) -> Result<Self, ModuleError> {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let keys = names.map(|name| match std::env::var(name) {
            Ok(key) if !key.trim().is_empty() => Ok(Key { name: name.to_owned(), secret: key.trim().to_owned() }),
            _ => Err(ModuleError::config(format_args!(
                "the environment variable {name} holds no key; set it, or set api_key_env to another or to \"\""
            ))),
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, current: AtomicUsize::new(0) })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key in use, and its place.
    pub fn current(&self) -> (usize, Option<&Key>) {
        let place = self.current.load(Ordering::Relaxed) % self.keys.len().max(1);
        (place, self.keys.get(place))
    }

    /// Puts the key after `place` in use, unless another call has done so.
    pub fn pass(&self, place: usize) {
        let next = (place + 1) % self.keys.len().max(1);
        let _ = self.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}
