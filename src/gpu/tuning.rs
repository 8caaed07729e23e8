//! Which variant of a kernel is fastest for which work, as measured on one device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::GpuDevice;
use super::runner::{GpuExecutor, GpuOptions};
use super::variants::VariantChoice;
use crate::error::Result;
use crate::kernels::Params;
use crate::program::{CallId, Executor, Program};

/// The fastest variants of kernels on one device: for each kind of work that was measured, the variant's name.
///
/// Only who asks for it pays for measuring: an application ships or keeps a table (it serialises to JSON), and what
/// the table does not have runs as without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// Name and driver of the device that was measured, as [`GpuDevice::describe`] has them.
    pub device: String,
    /// Names of variants by [`Params::work`].
    pub variants: BTreeMap<String, String>,
}

impl Tuning {
    /// The variant for a call.
    pub(super) fn choose(&self, params: &Params) -> Option<&str> {
        self.variants.get(&params.work()).map(String::as_str)
    }

    /// Takes what `other` has measured, over what stands here.
    pub fn merge(&mut self, other: Tuning) {
        self.device = other.device;
        self.variants.extend(other.variants);
    }
}

/// Measures every variant of the kernels that have several, for each kind of work among `calls` of `program`: each
/// call by itself, the median of `rounds`.
///
/// # Errors
/// As [`GpuExecutor::new`] and [`Executor::time_calls`].
pub fn tune(gpu: &GpuDevice, program: &Program, calls: &[CallId], rounds: usize) -> Result<Tuning> {
    let has_choice = |call: &&CallId| {
        let call = program.calls().get(**call);
        // One that may be left out would take no time.
        call.is_some_and(|call| call.condition.is_none() && call.params.variants().count() > 1)
    };
    // One call of each kind of work.
    let mut kinds: BTreeMap<String, CallId> = BTreeMap::new();
    for &call in calls.iter().filter(has_choice) {
        kinds.entry(program.calls()[call].params.work()).or_insert(call);
    }
    let measured: Vec<CallId> = kinds.values().copied().collect();
    let mut names: Vec<&'static str> = measured
        .iter()
        .flat_map(|&call| program.calls()[call].params.variants())
        .map(|variant| variant.name)
        .collect();
    names.sort_unstable();
    names.dedup();

    let mut fastest: Vec<Option<(f64, &'static str)>> = vec![None; measured.len()];
    for name in names {
        let options = GpuOptions {
            variants: VariantChoice::Named(name.into()),
            ..Default::default()
        };
        // One executor at a time: two might not fit the device.
        let mut executor = GpuExecutor::new(gpu.clone(), program, &options)?;
        let mut samples = vec![Vec::new(); measured.len()];
        // The first round compiles and fills caches.
        for round in 0..=rounds.max(1) {
            let seconds = executor.time_calls(&measured)?;
            if round > 0 {
                samples
                    .iter_mut()
                    .zip(seconds)
                    .for_each(|(samples, s)| samples.push(s));
            }
        }
        for ((fastest, mut samples), &call) in fastest.iter_mut().zip(samples).zip(&measured) {
            // Where a call cannot run this variant another one ran, which has its own turn.
            if executor.variant(call) != name {
                continue;
            }
            samples.sort_by(f64::total_cmp);
            let median = samples[samples.len() / 2];
            if fastest.is_none_or(|(least, _)| median < least) {
                *fastest = Some((median, name));
            }
        }
    }
    let chosen = kinds.into_keys().zip(fastest);
    Ok(Tuning {
        device: gpu.describe(),
        variants: chosen
            .filter_map(|(work, fastest)| Some((work, fastest?.1.to_string())))
            .collect(),
    })
}
