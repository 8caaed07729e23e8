//! What a device has compiled, kept for what is built on it later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::pipelines::Pipeline;

/// Pipelines that are kept: those of several networks with the attacks on them. Their texts are some 10 kB each.
const CAPACITY: usize = 512;

/// What a pipeline was made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Text {
    pub(super) entry_point: &'static str,
    pub(super) source: String,
    /// Whether all run-time checks are in it.
    pub(super) checked: bool,
    /// Whether its loops are bounded.
    pub(super) bounded_loops: bool,
}

/// The pipelines of one device, for all its handles.
#[derive(Clone, Debug)]
pub(super) struct Compiled(Arc<Mutex<Recent<Text, Pipeline>>>);

impl Default for Compiled {
    fn default() -> Self {
        Compiled(Arc::new(Mutex::new(Recent::new(CAPACITY))))
    }
}

impl Compiled {
    pub(super) fn get(&self, text: &Text) -> Option<Pipeline> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(text)
    }

    pub(super) fn keep(&self, text: Text, pipeline: Pipeline) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(text, pipeline);
    }
}

/// So many values at most: those that were asked for last.
#[derive(Debug)]
struct Recent<K, V> {
    capacity: usize,
    /// Each with the number of the question that it last answered.
    values: HashMap<K, (V, u64)>,
    questions: u64,
}

impl<K: Clone + Eq + std::hash::Hash, V: Clone> Recent<K, V> {
    fn new(capacity: usize) -> Self {
        Recent {
            capacity,
            values: HashMap::new(),
            questions: 0,
        }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        self.questions += 1;
        let (value, last) = self.values.get_mut(key)?;
        *last = self.questions;
        Some(value.clone())
    }

    fn keep(&mut self, key: K, value: V) {
        self.questions += 1;
        self.values.insert(key, (value, self.questions));
        if self.values.len() > self.capacity {
            let oldest = self.values.iter().min_by_key(|(_, (_, last))| *last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.values.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn what_was_asked_for_last_stays() {
        let mut recent = Recent::new(2);
        recent.keep("a", 1);
        recent.keep("b", 2);
        assert_eq!(recent.get(&"a"), Some(1));
        recent.keep("c", 3);
        assert_eq!(
            ["a", "b", "c"].map(|key| recent.get(&key)),
            [Some(1), None, Some(3)]
        );
        // The same once more is no more.
        recent.keep("c", 4);
        assert_eq!(["a", "c"].map(|key| recent.get(&key)), [Some(1), Some(4)]);
    }
}
