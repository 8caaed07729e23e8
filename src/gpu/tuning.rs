//! Which variant of a kernel is fastest for which work, as measured on one device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::GpuDevice;
use super::runner::{GpuExecutor, GpuOptions};
use super::variants::VariantChoice;
use crate::error::Result;
use crate::kernels::{Params, Specialisation};
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
    pub(super) fn choose(&self, params: &Params, specialisation: &Specialisation) -> Option<&str> {
        self.variants
            .get(&params.work(specialisation))
            .map(String::as_str)
    }

    /// Takes what `other` has measured, over what stands here.
    pub fn merge(&mut self, other: Tuning) {
        self.device = other.device;
        self.variants.extend(other.variants);
    }
}

/// Measures every variant of the kernels that have several (but for those of a narrow range of numbers), for each kind of
/// work among `calls` of `program`: each call by itself, the median of `rounds`. Buffers hold what an executor begins with.
///
/// # Errors
/// As [`GpuExecutor::new`] and [`Executor::time_calls`].
pub fn tune(gpu: &GpuDevice, program: &Program, calls: &[CallId], rounds: usize) -> Result<Tuning> {
    // One call of each kind of work that there is a choice for.
    let mut kinds: BTreeMap<String, CallId> = BTreeMap::new();
    let mut names: Vec<&'static str> = Vec::new();
    for &id in calls {
        // One that may be left out would take no time.
        let Some(call) = program.calls().get(id).filter(|call| call.condition.is_none()) else {
            continue;
        };
        let specialisation = program.specialisation(call, gpu.matrix_units());
        let all = call.params.variants(&specialisation);
        let variants = all.filter(|variant| !variant.narrow_range);
        if variants.clone().count() > 1 {
            names.extend(variants.map(|variant| variant.name));
            kinds.entry(call.params.work(&specialisation)).or_insert(id);
        }
    }
    let measured: Vec<CallId> = kinds.values().copied().collect();
    names.sort_unstable();
    names.dedup();

    let mut failure = None;
    let mut fastest: Vec<Option<(f64, &'static str)>> = vec![None; measured.len()];
    for name in names {
        let options = GpuOptions {
            variants: VariantChoice::Named(name.into()),
            ..Default::default()
        };
        // One executor at a time: two might not fit the device.
        let mut executor = match GpuExecutor::new(gpu.clone(), program, &options) {
            Ok(executor) => executor,
            // A variant that the device's compiler does not take is none; if all fail, the reason is another.
            Err(error) => {
                log::warn!("variant `{name}` is left out: {error}");
                failure = Some(error);
                continue;
            }
        };
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
    if let Some(error) = failure.filter(|_| fastest.iter().all(Option::is_none)) {
        return Err(error);
    }
    let chosen = kinds.into_keys().zip(fastest);
    Ok(Tuning {
        device: gpu.describe(),
        variants: chosen
            .filter_map(|(work, fastest)| Some((work, fastest?.1.to_string())))
            .collect(),
    })
}
