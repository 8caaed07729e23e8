//! The fused ASMA step against the same step as one launch per operator, on the same device in turn.

mod fused;
mod inputs;
mod unfused;

use std::time::Instant;

use asma::gpu::{GpuDevice, GpuOptions};
use asma::{Error, Result, wgpu};
use serde::{Deserialize, Serialize};

use fused::Fused;
use inputs::{Inputs, Results};
use unfused::Unfused;

/// What both forms took. One image with 3 channels and 2 classes.
#[derive(Debug, Serialize, Deserialize)]
pub struct StepRecord {
    /// Rows and columns of the image.
    pub size: usize,
    pub iterations_per_sample: usize,
    pub fused: Form,
    pub unfused: Form,
    /// Of the pairs' ratios, unfused to fused.
    pub median_ratio: f64,
    /// What both were found to agree in, before any time was taken.
    pub agreement: Vec<String>,
}

/// One form of the step.
#[derive(Debug, Serialize, Deserialize)]
pub struct Form {
    pub launches: usize,
    /// What an iteration moves: the fused form what it cannot do without, the unfused one what its launches read and
    /// write.
    pub bytes: u64,
    /// Of one iteration, in the order they were taken: fused, unfused, fused, unfused, …
    pub seconds: Vec<f64>,
}

impl Form {
    /// The median of the samples.
    pub fn median(&self) -> f64 {
        median(&self.seconds)
    }
}

/// A sample of the slower form takes about this long, so that submitting and waiting hardly count.
const SAMPLE_SECONDS: f64 = 0.1;

/// Compares the results of both forms, then times them in turn, `pairs` times each; the fused one with `options`.
///
/// # Errors
/// If the forms do not agree, or the device failed.
pub fn compare(gpu: &GpuDevice, options: &GpuOptions, size: usize, pairs: usize) -> Result<StepRecord> {
    let inputs = Inputs::new(size);
    let mut fused = Fused::new(gpu.clone(), options, &inputs)?;
    let mut unfused = Unfused::new(gpu.clone(), &inputs)?;
    let agreement = check(fused.first_two()?, unfused.first_two()?)?;

    let time_unfused = |iterations| time(gpu, |encoder| unfused.encode(encoder, iterations));
    let time_fused = |iterations| time(gpu, |encoder| fused.encode(encoder, iterations));
    // Once for the caches and clocks, once to see how long it takes.
    time_fused(2)?;
    time_unfused(2)?;
    let pairs_of_iterations = SAMPLE_SECONDS / time_unfused(2)?;
    let iterations = 2 * pairs_of_iterations.clamp(1.0, 1000.0) as usize;
    let [mut fused_seconds, mut unfused_seconds] = [Vec::new(), Vec::new()];
    for _ in 0..pairs {
        fused_seconds.push(time_fused(iterations)? / iterations as f64);
        unfused_seconds.push(time_unfused(iterations)? / iterations as f64);
    }
    let ratios: Vec<f64> = fused_seconds
        .iter()
        .zip(&unfused_seconds)
        .map(|(fused, unfused)| unfused / fused)
        .collect();
    Ok(StepRecord {
        size,
        iterations_per_sample: iterations,
        fused: Form {
            launches: 2,
            bytes: fused::bytes(&inputs),
            seconds: fused_seconds,
        },
        unfused: Form {
            launches: unfused.launches(),
            bytes: unfused.bytes(),
            seconds: unfused_seconds,
        },
        median_ratio: median(&ratios),
        agreement,
    })
}

/// That both forms compute the same, before any time is believed.
fn check(fused: (Results, Vec<f32>), unfused: (Results, Vec<f32>)) -> Result<Vec<String>> {
    let (fused, fused_second) = fused;
    let (unfused, unfused_second) = unfused;
    let differ = |problem: String| {
        Err(Error::Device(format!(
            "both forms of the ASMA step disagree: {problem}"
        )))
    };
    let mut agreement = Vec::new();
    // Quotients of the same integers. The sums for L2 are taken in another order. A step is a few
    // operations, which a compiler may contract.
    for (what, fused, unfused, tolerance) in [
        ("IoU", fused.iou, unfused.iou, 1e-6),
        (
            "pixel accuracy",
            fused.pixel_accuracy,
            unfused.pixel_accuracy,
            1e-6,
        ),
        ("L2", fused.l2, unfused.l2, 1e-5 * unfused.l2),
        ("L∞", fused.linf, unfused.linf, 1e-6),
    ] {
        let numbers = format!("{what}: fused {fused}, unfused {unfused}");
        // A comparison that NaN fails.
        if (fused - unfused).abs() <= tolerance {
            agreement.push(numbers);
        } else {
            return differ(numbers);
        }
    }
    if fused.seed != unfused.seed {
        return differ("the seed gradients".into());
    }
    for (what, fused, unfused) in [
        ("the first step", fused.adversarial, unfused.adversarial),
        ("the second step", fused_second, unfused_second),
    ] {
        let differences = fused.iter().zip(&unfused).map(|(a, b)| (a - b).abs());
        let largest = differences.fold(0.0, f32::max);
        let clipped = fused.iter().filter(|&&value| value == 0.0 || value == 1.0);
        let numbers = format!(
            "image after {what}: {largest:e} apart at most, {} elements clipped",
            clipped.count()
        );
        let equal = fused.iter().zip(&unfused).all(|(a, b)| (a - b).abs() <= 1e-6);
        match equal {
            true => agreement.push(numbers),
            false => return differ(numbers),
        }
    }
    Ok(agreement)
}

/// Seconds from submitting what `record` records until the device has done it. Recording is not counted.
fn time(gpu: &GpuDevice, record: impl FnOnce(&mut wgpu::CommandEncoder)) -> Result<f64> {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    record(&mut encoder);
    let commands = encoder.finish();
    let start = Instant::now();
    let submission = gpu.queue().submit([commands]);
    gpu.device()
        .poll(wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: None,
        })
        .map_err(|error| Error::Device(format!("waiting for the ASMA step failed: {error}")))?;
    Ok(start.elapsed().as_secs_f64())
}

/// The middle value; of an even number, the mean of the middle two. NaN of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => (low + high) / 2.0,
        (_, Some(value)) => *value,
        _ => f64::NAN,
    }
}
