//! What a device has compiled, kept for what is built on it later.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::pipelines::Pipeline;

/// Pipelines that are kept: those of several networks with the attacks on them. Their texts are some 10 kB each.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(512).unwrap();

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

/// The pipelines of one device that were used last, for all its handles.
#[derive(Clone, Debug)]
pub(super) struct CompiledPipelines(Arc<Mutex<LruCache<Text, Pipeline>>>);

impl Default for CompiledPipelines {
    fn default() -> Self {
        CompiledPipelines(Arc::new(Mutex::new(LruCache::new(CAPACITY))))
    }
}

impl CompiledPipelines {
    pub(super) fn get(&self, text: &Text) -> Option<Pipeline> {
        let mut pipelines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pipelines.get(text).cloned()
    }

    pub(super) fn keep(&self, text: Text, pipeline: Pipeline) {
        let mut pipelines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pipelines.put(text, pipeline);
    }
}
