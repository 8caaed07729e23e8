//! The [`objective`] together with the network's last convolution, of 1 × 1 with stride 1 and without
//! activation, and the adjoints of that and of the activation before it: one pass from features and labels to logits,
//! counts, losses and the features' gradient. The seed gradient never stands in memory, and four launches become one.
//!
//! For each output pixel:
//! - `logits_c = bias_c + Σ_i weight[i, c] · feature_i`, which are written;
//! - prediction, seed, counts and losses of them as [`objective`] has it, flags included;
//! - with [`WRITE_SEED`]: `gradient_i = Σ_c weight[i, c] · seed_c`, times `slope` where
//!   `feature_i` is not positive.

use super::ledger::counts_length;
use super::objective::{
    self, COUNT, WORKGROUP, WRITE_SEED, check_counts, check_objective, check_row, counts_of_all,
    settings_length,
};
use super::{
    Extent, KernelParams, Variant, View, check_classes, check_parity, check_product, fold, kernel, samples,
    shader,
};

/// Most channels of logits: a thread holds those of its pixel.
pub const MOST_CHANNELS: u32 = 8;

/// Pixels that one thread handles, [`WORKGROUP`] apart.
pub const PIXELS_PER_THREAD: u32 = 2;

kernel! {
    "objective_head", "head";
    parameters {
        /// Of the features.
        features: View,
        /// Of the logits.
        logits: View,
        /// Of the features' gradient.
        gradient: View,
        /// Of the features and of their gradient.
        feature_extent: Extent,
        /// Of the logits; at most [`MOST_CHANNELS`] channels.
        extent: Extent,
        /// Out channels in `weight`, a multiple of [`CHANNEL_BLOCK`](super::conv2d::CHANNEL_BLOCK).
        padded_out_channels: u32,
        /// Classes: the extent's channels, or 2 if there is only one.
        class_count: u32,
        /// What is raised, as [`objective`] has it.
        objective: u32,
        /// What to do, as [`objective`] has it.
        flags: u32,
        /// Which half of the counts this iteration adds to: the iteration's number modulo 2.
        parity: u32,
        /// Words of one half of a sample's counts.
        counts_length: u32,
        /// Rows of the schedule, as [`objective`] has it.
        schedule_rows: u32,
        /// Slope below 0 of the activation that the features come from; 1 if they come from none.
        slope: f32,
    }
    reads {
        features: Real, view(features, feature_extent);
        // [features][padded out channels], as in `conv2d`.
        weight: Real, first(|call| u64::from(call.feature_extent.c) * u64::from(call.padded_out_channels));
        // Bias and slope of each padded out channel, as in `conv2d`.
        epilogue: Float, first(|call| 2 * u64::from(call.padded_out_channels));
        // As in `objective`.
        labels: Word, first(|call| call.extent.pixels());
        settings: Word, first(|call| settings_length(call.class_count, call.schedule_rows));
    }
    writes {
        gradient: Real, view(gradient, feature_extent), when(|call| call.flags & WRITE_SEED != 0);
        counts: Word, first(|call| counts_of_all(call.extent.n, call.counts_length));
        logits: Float, view(logits, extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "fused",
        shader!(
            "shared/counts",
            "shared/counting",
            "shared/objective",
            "objective_head"
        ),
        |call| {
            let [x, y] = fold((call.extent.h * call.extent.w).div_ceil(WORKGROUP * PIXELS_PER_THREAD));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    .with_constants(|call| {
        objective::constants(call.flags, call.objective, call.class_count, call.extent.c)
    })];

    fn check(&self) -> Result<(), String> {
        check_objective(self.objective, self.flags, self.class_count, self.schedule_rows)?;
        check_counts(self.extent, self.class_count, self.flags, self.counts_length)?;
        check_row(self.class_count, self.schedule_rows, self.counts_length)?;
        check_parity(self.parity)?;
        check_classes(self.class_count, self.extent.c)?;
        super::conv2d::check_channels(self.extent.c, self.padded_out_channels)?;
        check_product("weights", &[self.feature_extent.c, self.padded_out_channels])?;
        if self.extent.c > MOST_CHANNELS {
            return Err(format!(
                "{} channels of logits; want at most {MOST_CHANNELS}",
                self.extent.c
            ));
        }
        let size = |extent: Extent| (extent.n, extent.h, extent.w);
        match size(self.extent) == size(self.feature_extent) {
            true => Ok(()),
            false => Err("features and logits are of different sizes".into()),
        }
    }

    fn elements_moved(&self) -> Vec<u64> {
        // The features are read once where a thread can hold them, and their gradient is written.
        let features = self.feature_extent.elements();
        let weight = u64::from(self.feature_extent.c) * u64::from(self.padded_out_channels);
        let gradient = if self.flags & WRITE_SEED == 0 { 0 } else { features };
        let labels = u64::from(self.flags & (WRITE_SEED | COUNT) != 0) * self.extent.pixels();
        vec![
            features,
            weight,
            0,
            labels,
            0,
            gradient,
            0,
            self.extent.elements(),
        ]
    }

    fn flops(&self) -> u64 {
        let passes = if self.flags & WRITE_SEED == 0 { 1 } else { 2 };
        2 * passes * u64::from(self.feature_extent.c) * self.extent.elements()
    }

    fn samples() -> Vec<Params> {
        let [features, logits] = [32, 2].map(|c| Extent {
            c,
            ..samples::extent()
        });
        vec![Params {
            features: View::dense(features.into()),
            logits: View::dense(logits.into()),
            gradient: View::dense(features.into()),
            feature_extent: features,
            extent: logits,
            padded_out_channels: 8,
            class_count: 2,
            objective: objective::MARGIN,
            flags: WRITE_SEED | COUNT | objective::ADAPTIVE,
            parity: 0,
            counts_length: counts_length(2) as u32,
            schedule_rows: 0,
            slope: 0.0,
        }]
    }
}
