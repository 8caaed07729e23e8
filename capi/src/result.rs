//! What came of an attack, copied into buffers of the caller's.

use std::ffi::c_char;

use asma::attack::StopReason;
use asma::job::Performed;
use asma::statistics::Scores;
use asma::{LabelMap, Tensor};

use crate::border::{Failure, Outcome, asma_status, fill, guarded, place, reference};

/// What came of an attack on a batch of images.
pub struct asma_result {
    pub(crate) performed: Vec<Performed>,
}

/// How well an image does.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct asma_scores {
    /// Intersection over union of the prediction with the target (untargeted: with the label), 0 to 1.
    pub iou: f32,
    /// The share of pixels that are predicted as the target (untargeted: the label) has them, 0 to 1.
    pub pixel_accuracy: f32,
    /// The perturbation's L2 over all channels and pixels.
    pub l2: f32,
    /// Its largest absolute value.
    pub linf: f32,
}

/// Why an attack ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum asma_stop {
    /// All iterations were done.
    ASMA_STOP_ITERATIONS = 0,
    /// The IoU asked for was reached.
    ASMA_STOP_IOU_REACHED = 1,
    /// As many pixels as asked for are as the attack wants them.
    ASMA_STOP_GOAL_REACHED = 2,
    /// The best IoU did not grow for as many iterations as asked.
    ASMA_STOP_NO_PROGRESS = 3,
    /// The progress function ended it, or its turn did not come by then.
    ASMA_STOP_INTERRUPTED = 4,
    /// The network predicts what it shall already.
    ASMA_STOP_NOTHING_TO_ATTACK = 5,
}

/// What an attack on one image came to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct asma_image_scores {
    /// Of the adversarial image.
    pub adversarial: asma_scores,
    /// Of the image as it was given.
    pub before: asma_scores,
    /// Of the image after the last step.
    pub last: asma_scores,
    /// Of the best image.
    pub best: asma_scores,
    /// Of the adversarial image as 8 bits keep it.
    pub rounded: asma_scores,
    /// Iterations that were done, rows of the trace.
    pub iterations: u32,
    /// After how many of them the adversarial image stood.
    pub best_iteration: u32,
    /// Why it ended.
    pub stop: asma_stop,
    /// Wall-clock time in seconds; of images that ran in step a share of it.
    pub seconds: f64,
}

/// How far an attack was after an iteration. Numbers that an attack does not have are NaN.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct asma_trace_row {
    /// The iteration, from 0.
    pub iteration: u32,
    /// Intersection over union.
    pub iou: f32,
    /// Pixel accuracy.
    pub pixel_accuracy: f32,
    /// L2.
    pub l2: f32,
    /// L-infinity.
    pub linf: f32,
    /// Of asma the multiplier of the step; of other attacks the length of the step.
    pub step: f32,
    /// The loss, of other attacks than asma.
    pub loss: f32,
    /// The share of pixels that the attack got right, of other attacks than asma.
    pub success_rate: f32,
}

impl From<Scores> for asma_scores {
    fn from(scores: Scores) -> asma_scores {
        asma_scores {
            iou: scores.iou,
            pixel_accuracy: scores.pixel_accuracy,
            l2: scores.l2,
            linf: scores.linf,
        }
    }
}

impl From<StopReason> for asma_stop {
    fn from(stop: StopReason) -> asma_stop {
        match stop {
            StopReason::Iterations => asma_stop::ASMA_STOP_ITERATIONS,
            StopReason::IouReached => asma_stop::ASMA_STOP_IOU_REACHED,
            StopReason::GoalReached => asma_stop::ASMA_STOP_GOAL_REACHED,
            StopReason::NoProgress => asma_stop::ASMA_STOP_NO_PROGRESS,
            StopReason::Interrupted => asma_stop::ASMA_STOP_INTERRUPTED,
            StopReason::NothingToAttack => asma_stop::ASMA_STOP_NOTHING_TO_ATTACK,
        }
    }
}

/// What came of one image.
///
/// # Safety
/// It is null or of `asma_attack`, and not freed yet.
unsafe fn one<'a>(result: *const asma_result, image: usize) -> Outcome<&'a Performed> {
    // SAFETY: as the caller promises.
    let performed = &unsafe { reference(result, "result")? }.performed;
    performed.get(image).ok_or_else(|| {
        let count = performed.len();
        Failure::usage(format!(
            "there is no image {image}; the result has {count}, counted from 0"
        ))
    })
}

/// Frees a result; null is let be.
///
/// # Safety
/// It is null or of `asma_attack`, and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_free(result: *mut asma_result) {
    guarded(|| {
        if !result.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(result) });
        }
        Ok(())
    });
}

/// How many images it has; 0 of null.
///
/// # Safety
/// It is null or of `asma_attack`, and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_count(result: *const asma_result) -> usize {
    // SAFETY: as the caller promises.
    unsafe { result.as_ref() }.map_or(0, |result| result.performed.len())
}

/// Writes the adversarial images, all of them, to `images`, whose `length` is that of the images.
///
/// # Safety
/// `images` has so many floats; `result` is of `asma_attack` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_adversarial(
    result: *const asma_result,
    images: *mut f32,
    length: usize,
) -> asma_status {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        copy_images(
            result,
            |performed| &performed.attacked.judged.saved,
            images,
            length,
        )
    })
}

/// Writes the same as 8 bits keep them: an adversarial image that dies when it is saved is none.
///
/// # Safety
/// As of `asma_result_adversarial`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_rounded(
    result: *const asma_result,
    images: *mut f32,
    length: usize,
) -> asma_status {
    // SAFETY: as the caller promises.
    guarded(|| unsafe {
        copy_images(
            result,
            |performed| &performed.attacked.judged.written,
            images,
            length,
        )
    })
}

/// Writes what the network predicts for the adversarial images to `labels`, whose `length` is n*h*w of the output's shape.
///
/// # Safety
/// `labels` has so many bytes; `result` is of `asma_attack` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_predictions(
    result: *const asma_result,
    labels: *mut u8,
    length: usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let performed = &unsafe { reference(result, "result")? }.performed;
        let maps = performed.iter().map(|performed| &performed.attacked.judged.after);
        let found: Vec<u8> = maps.flat_map(LabelMap::labels).copied().collect();
        // SAFETY: as the caller promises.
        unsafe { fill(labels, length, "labels", &found) }
    })
}

/// Writes what the attack on one image came to.
///
/// # Safety
/// `scores` can be written to; `result` is of `asma_attack` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_scores(
    result: *const asma_result,
    image: usize,
    scores: *mut asma_image_scores,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (performed, place) = unsafe { (one(result, image)?, place(scores, "scores")?) };
        let (attacked, judged) = (&performed.attacked, &performed.attacked.judged);
        let results = &judged.results;
        place.write(asma_image_scores {
            adversarial: judged.saved_scores().into(),
            before: results.before.into(),
            last: results.last.into(),
            best: results.best.into(),
            rounded: results.rounded_to_8_bits.into(),
            iterations: attacked.outcome.trace.len() as u32,
            best_iteration: judged.best_iteration,
            stop: attacked.outcome.stop.into(),
            seconds: attacked.seconds,
        });
        Ok(())
    })
}

/// Writes how many rows the trace of one image has.
///
/// # Safety
/// `length` can be written to; `result` is of `asma_attack` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_trace_length(
    result: *const asma_result,
    image: usize,
    length: *mut usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (performed, place) = unsafe { (one(result, image)?, place(length, "length")?) };
        place.write(performed.attacked.outcome.trace.len());
        Ok(())
    })
}

/// Writes the trace of one image to `rows`, whose `length` is as asma_result_trace_length says.
///
/// # Safety
/// `rows` has so many; `result` is of `asma_attack` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_trace(
    result: *const asma_result,
    image: usize,
    rows: *mut asma_trace_row,
    length: usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let trace = &unsafe { one(result, image)? }.attacked.outcome.trace;
        let found: Vec<asma_trace_row> = trace
            .iter()
            .map(|row| asma_trace_row {
                iteration: row.iteration,
                iou: row.iou,
                pixel_accuracy: row.pixel_accuracy,
                l2: row.l2,
                linf: row.linf,
                step: row.multiplier,
                loss: row.loss.unwrap_or(f32::NAN),
                success_rate: row.success_rate.unwrap_or(f32::NAN),
            })
            .collect();
        // SAFETY: as the caller promises.
        unsafe { fill(rows, length, "rows", &found) }
    })
}

/// Writes everything there is to say about the attack on one image, as `summary.json` of the command line has it, to `text`, with
/// a zero byte behind it, and its bytes without that to `needed`. `length` is `needed` and 1; with a `length` of 0 nothing is
/// written to `text`, which may be null then.
///
/// # Safety
/// `text` has so many bytes, `needed` can be written to; `result` is of `asma_attack` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_result_summary(
    result: *const asma_result,
    image: usize,
    text: *mut c_char,
    length: usize,
    needed: *mut usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (performed, needed) = unsafe { (one(result, image)?, place(needed, "needed")?) };
        let json = serde_json::json!(performed.summary).to_string();
        needed.write(json.len());
        if length == 0 {
            return Ok(());
        }
        let bytes: Vec<c_char> = json.bytes().chain([0]).map(|byte| byte as c_char).collect();
        // SAFETY: as the caller promises.
        unsafe { fill(text, length, "text", &bytes) }
    })
}

/// # Safety
/// `images` has so many floats; `result` is null or of `asma_attack`, and not freed yet.
unsafe fn copy_images(
    result: *const asma_result,
    image: fn(&Performed) -> &Tensor,
    images: *mut f32,
    length: usize,
) -> Outcome {
    // SAFETY: as the caller promises.
    let performed = &unsafe { reference(result, "result")? }.performed;
    let found: Vec<f32> = performed
        .iter()
        .flat_map(|performed| image(performed).data())
        .copied()
        .collect();
    // SAFETY: as the caller promises.
    unsafe { fill(images, length, "images", &found) }
}
