//! Every entry point that takes bytes, text or numbers, as a function of bytes. None of them may panic, hang or ask for
//! memory without bound, whatever the bytes: what cannot be is refused with an error.
//!
//! `fuzz_targets/` hands them to libFuzzer; `tests/fuzz.rs` runs them over the corpus in `cargo test`.

mod attacks;
mod files;
mod networks;
mod pictures;
mod programs;
mod scans;
mod settings;
mod texts;
mod trainings;

/// An entry point, given bytes.
pub type EntryPoint = fn(&[u8]);

/// All of them by their names, which are those of the targets and of the folders of the corpus.
pub const ENTRY_POINTS: [(&str, EntryPoint); 21] = [
    ("image", files::image),
    ("mask", files::mask),
    ("scan", scans::scan),
    ("checkpoint", files::checkpoint),
    ("model", files::model),
    ("onnx", files::onnx),
    ("stored_network", files::stored_network),
    ("records", files::records),
    ("texts", texts::texts),
    ("figure", texts::figure),
    ("pairing", texts::pairing),
    ("name_rules", texts::name_rules),
    ("orientation", pictures::orientation),
    ("mask_values", pictures::mask_values),
    ("geometry", settings::geometry),
    ("configs", settings::configs),
    ("attack_options", attacks::attack_options),
    ("variation", settings::variation),
    ("graph", networks::graph),
    ("program", programs::program),
    ("training", trainings::training),
];

/// Runs the entry point of this name.
///
/// # Panics
/// If there is none: that is a mistake in a target.
pub fn run(name: &str, bytes: &[u8]) {
    let found = ENTRY_POINTS.iter().find(|(entry, _)| *entry == name);
    let (_, entry_point) = found.unwrap_or_else(|| panic!("no entry point `{name}`"));
    entry_point(bytes);
}
