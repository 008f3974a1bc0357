//! The keys of a service: one at a time, the next when a server is done with one. A name that holds none, or none that a request can carry,
//! is refused at the start.

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
    ///
    /// # Errors
    ///
    /// A variable is not set, is empty, or holds what no header can.
    pub fn read(names: &str) -> Result<Self, ModuleError> {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let keys = names.map(|name| match std::env::var(name) {
            Ok(key) if !key.trim().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') => {
                Err(ModuleError::config(format_args!(
                    "the environment variable {name} holds characters that no key has, such as a line end; set it anew"
                )))
            }
            Ok(key) if !key.trim().is_empty() => Ok(Key { name: name.to_owned(), secret: key.trim().to_owned() }),
            _ => Err(ModuleError::config(format_args!(
                "the environment variable {name} holds no key; set it, or set api_key_env to another or to \"\""
            ))),
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, current: AtomicUsize::new(0) })
    }

    /// The keys themselves.
    pub fn secrets(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| key.secret.clone())
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
