//! Measures which variant of a kernel is the fastest.

use std::collections::BTreeMap;

use super::device::GpuDevice;
use super::runner::{GpuExecutor, GpuOptions};
use super::tuning::Tuning;
use super::variants::{VariantChoice, possible_ways, specialise};
use crate::error::Result;
use crate::program::{CallId, Executor, Program};

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
        let specialisation = specialise(gpu, program, call);
        let mut ways = possible_ways(&call.params, &specialisation, gpu);
        ways.retain(|way| !way.traits.narrow_range);
        if ways.len() > 1 {
            names.extend(ways.iter().map(|way| way.name));
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
