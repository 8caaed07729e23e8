//! The adversarial image in the format of the file that the image was read from, and what the network makes of it there.

use super::attacked::Attacked;
use super::judged::predict;
use super::listener::Listener;
use crate::attack::{Attack, assess};
use crate::data::{Original, Rewritten};
use crate::error::{Error, Result};
use crate::program::Executor;
use crate::report::InOwnFormat;

/// A file of the user's own format with the adversarial image in it.
#[derive(Clone, Debug)]
pub struct OwnFormat {
    /// The file.
    pub file: Rewritten,
    /// What the network makes of it.
    pub judged: InOwnFormat,
}

/// The file, if it can be made; else it is said why not. Overwrites the adversarial image.
///
/// # Errors
/// If the device fails.
pub(super) async fn in_own_format(
    original: Option<&Original>,
    attacked: &Attacked,
    attack: &Attack,
    executor: &mut dyn Executor,
    listener: &mut dyn Listener,
) -> Result<Option<OwnFormat>> {
    let Some(original) = original else {
        return Ok(None);
    };
    if let Some(reason) = original.unwritable() {
        let format = original.format();
        listener.note(&format!(
            "the adversarial image is not written as {format}: {reason}"
        ));
        return Ok(None);
    }
    let (source, saved) = (&attacked.source, &attacked.judged.saved);
    let exact = attacked.judged.saved_scores();
    let rounded = match original.levels() {
        Some(levels) => {
            let target = &attacked.target;
            let rounded = attack.saved_async(executor, source, saved, target, &exact, levels);
            rounded.await?.image
        }
        None => saved.clone(),
    };
    let description = format!(
        "Adversarial example, not for diagnosis: changed by asma {} (attack {}) so that a segmentation network errs",
        env!("CARGO_PKG_VERSION"),
        attack.config().name()
    );
    let file = match original.rewritten(source, saved, &rounded, &description) {
        Ok(file) => file,
        // The attack is done; that the file is gone or changed since must not lose it.
        Err(error @ (Error::File { .. } | Error::Usage(_))) => {
            listener.note(&error.to_string());
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let prediction = predict(attack, executor, &file.image).await?;
    let scores = assess(
        source,
        &file.image,
        &attacked.target,
        &prediction,
        &attack.scored_classes(),
    )?;
    let judged = InOwnFormat {
        file: file.name.into(),
        format: file.format.clone(),
        changed: file.changed,
        scores,
    };
    Ok(Some(OwnFormat { file, judged }))
}
