//! Two runs side by side.

use asma::{Error, Result};

use super::record::{Record, phases};
use crate::cli::console::print;

/// Each time of both runs and its ratio; below 1 the second is faster.
pub fn print_comparison(before: &Record, after: &Record) -> Result<()> {
    if (&before.network, before.input) != (&after.network, after.input) {
        return Err(Error::Usage(format!(
            "the files measured different work: {} with input {:?}, and {} with input {:?}; compare runs of one \
             network and size",
            before.network, before.input, after.network, after.input
        )));
    }
    for (name, record) in [("before", before), ("after ", after)] {
        print(format_args!(
            "{name}  {}, {}",
            record.device,
            record.precision_name()
        ))?;
    }
    print("")?;
    print("before ms   after ms  ratio")?;
    let line = |name: &str, before: f64, after: f64| {
        print(format_args!(
            "{:9.3}  {:9.3}  {:5.2}  {name}",
            1e3 * before,
            1e3 * after,
            after / before
        ))
    };
    // Lowering may have changed what is called, so calls are found by their names.
    for call in &before.calls {
        let same =
            |other: &&super::record::CallRecord| other.call == call.call && other.kernel == call.kernel;
        match after.calls.iter().find(same) {
            Some(other) => line(
                &format!(
                    "{} ({} → {}), {}",
                    call.kernel, call.variant, other.variant, call.call
                ),
                call.seconds,
                other.seconds,
            )?,
            None => print(format_args!(
                "{:9.3}          –      –  {} ({}), {}",
                1e3 * call.seconds,
                call.kernel,
                call.variant,
                call.call
            ))?,
        }
    }
    print("")?;
    for ((name, before), (_, after)) in phases(before).into_iter().zip(phases(after)) {
        line(name, before, after)?;
    }
    Ok(())
}
