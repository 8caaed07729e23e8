//! Pipelines that were compiled once, kept in a file for the next process.

use std::path::Path;

use super::device::GpuDevice;
use super::pipeline_cache::{PipelineCache, read};
use crate::error::Result;

impl GpuDevice {
    /// Compiles with the help of what [`GpuDevice::keep_pipelines`] left in `file`. One that is missing is none; one that
    /// is damaged, or of another adapter or driver, is left out with a warning in the log. A device that was opened
    /// without the feature `PIPELINE_CACHE` stays as it is.
    pub fn with_pipelines_kept_in(mut self, file: &Path) -> Self {
        if !self.device().features().contains(wgpu::Features::PIPELINE_CACHE) {
            return self;
        }
        let kept = read(file, &self.describe()).unwrap_or_else(|problem| {
            log::warn!("pipelines are compiled anew: {} {problem}", file.display());
            Vec::new()
        });
        // SAFETY: these are bytes that such a cache gave out under the same adapter and driver, and a checksum says that
        // they are all there as they were.
        let cache = self.catch("opening the cache of pipelines", || unsafe {
            self.device()
                .create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                    label: Some("asma"),
                    data: (!kept.is_empty()).then_some(&kept),
                    fallback: true,
                })
        });
        match cache {
            Ok(cache) => self.set_pipeline_cache(PipelineCache::new(cache, file, kept)),
            Err(error) => log::warn!("pipelines are not kept: {error}"),
        }
        self
    }

    /// Writes what was compiled since into the file of [`GpuDevice::with_pipelines_kept_in`], if there is one and it would
    /// hold anything else.
    ///
    /// # Errors
    /// If it, or the folder that it stands in, cannot be written.
    pub fn keep_pipelines(&self) -> Result<()> {
        match self.pipeline_cache() {
            Some(cache) => cache.keep(&self.describe()),
            None => Ok(()),
        }
    }
}
