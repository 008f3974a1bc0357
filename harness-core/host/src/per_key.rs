//! What is made once for a key, each under a lock of its own: loading a gigabyte of weights holds up those who want these weights, and
//! nobody else.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Values by key, made when they are first wanted.
#[derive(Debug)]
pub(crate) struct PerKey<K, T>(Mutex<HashMap<K, Place<T>>>);

/// Where one value is, or will be.
type Place<T> = Arc<Mutex<Option<T>>>;

impl<K, T> Default for PerKey<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, T: Clone> PerKey<K, T> {
    /// The value for a key, made by `make` if there is none. An error is not kept: the next one tries again.
    pub fn get_or_make<E>(&self, key: K, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = &*place {
            return Ok(value.clone());
        }
        let value = make()?;
        *place = Some(value.clone());
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn one_that_takes_its_time_holds_up_nobody_else() {
        let places: PerKey<&str, u32> = PerKey::default();
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel::<()>();
        std::thread::scope(|scope| {
            let places = &places;
            let slow = scope.spawn(move || {
                places.get_or_make("slow", move || {
                    begun.send(()).unwrap();
                    may_go_on.recv().map(|()| 1)
                })
            });
            has_begun.recv().unwrap();
            // While the slow one is being made.
            assert_eq!(places.get_or_make("quick", || Ok::<_, ()>(2)), Ok(2));
            go_on.send(()).unwrap();
            assert_eq!(slow.join().unwrap(), Ok(1));
        });
        assert_eq!(places.get_or_make("slow", || Err("made twice")), Ok(1));
        assert_eq!(places.get_or_make("bad", || Err("no")), Err("no"));
        assert_eq!(places.get_or_make("bad", || Ok::<_, ()>(3)), Ok(3));
    }
}
