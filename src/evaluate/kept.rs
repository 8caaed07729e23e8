//! The images that are kept of a task.

use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, WeightTensor};
use crate::data::{round_to_8_bits, write_image};
use crate::error::{Error, Result};
use crate::files::remove_leftovers;
use crate::job::Attacked;

/// The files that are kept of each task.
pub const KEPT_FILES: [&str; 3] = ["source.png", "adversarial.png", "adversarial.safetensors"];

/// The folder of a task's images.
pub fn kept_folder(saved: &Path, task: usize) -> PathBuf {
    saved.join(task.to_string())
}

/// Writes them, over those of a run that was broken off before it recorded the task.
pub(super) fn keep(saved: &Path, task: usize, attacked: &Attacked) -> Result<()> {
    let folder = kept_folder(saved, task);
    std::fs::create_dir_all(&folder)
        .map_err(|cause| Error::file(&folder, format!("cannot be made: {cause}")))?;
    remove_leftovers(&folder, &[]);
    let [source, adversarial, exact] = KEPT_FILES.map(|name| folder.join(name));
    write_image(source, &round_to_8_bits(&attacked.source))?;
    write_image(adversarial, &attacked.judged.written)?;
    let shape = attacked.judged.saved.shape();
    let tensor = WeightTensor::new(
        vec![shape.c, shape.h, shape.w],
        attacked.judged.saved.data().to_vec(),
    )?;
    Checkpoint::from_tensors([("adversarial", tensor)], [("task", task.to_string())])?.save(exact)
}
