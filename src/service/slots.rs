//! Slots: counts how many of something each holder has at the same time, such as subscriptions of one client.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The slots of all holders; every holder has the same limit.
#[derive(Debug)]
pub struct Slots<K: Hash + Eq> {
    each: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

/// A slot, free again when this is dropped.
#[derive(Debug)]
pub struct Slot<K: Hash + Eq> {
    holder: K,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Hash + Eq + Clone> Slots<K> {
    /// Slots with this limit for each holder.
    #[must_use]
    pub fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// How many each may have.
    #[must_use]
    pub const fn each(&self) -> usize {
        self.each
    }

    /// A slot of this holder, unless it has all that it may have.
    #[must_use]
    pub fn take(&self, holder: &K) -> Option<Slot<K>> {
        let mut taken = lock(&self.taken);
        let count = taken.entry(holder.clone()).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Slot { holder: holder.clone(), taken: Arc::clone(&self.taken) })
    }
}

impl<K: Hash + Eq> Slot<K> {
    /// The holder.
    #[must_use]
    pub const fn holder(&self) -> &K {
        &self.holder
    }
}

impl<K: Hash + Eq> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        // Nothing is kept of a holder that holds nothing.
        if let Some(count) = taken.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

/// The counts are right at every step.
fn lock<K>(taken: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_as_many_as_the_others_and_gets_them_back() {
        let slots = Slots::new(2);
        let held = [slots.take(&"a").unwrap(), slots.take(&"a").unwrap()];
        assert!(slots.take(&"a").is_none() && slots.take(&"b").is_some());
        drop(held);
        assert!(slots.take(&"a").is_some());
        assert!(lock(&slots.taken).is_empty());
    }
}
