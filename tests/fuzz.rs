//! The corpus of the fuzz targets, run through the same functions: what they once found stays found.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod entry_points;

use entry_points::ENTRY_POINTS;

#[test]
fn the_corpus_runs_through_every_entry_point() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, _) in ENTRY_POINTS {
        let files =
            fs::read_dir(corpus.join(name)).unwrap_or_else(|error| panic!("corpus of {name}: {error}"));
        let mut count = 0;
        for file in files {
            let path = file.expect("an entry").path();
            // Named if it fails.
            println!("{}", path.display());
            entry_points::run(name, &fs::read(&path).expect("a file"));
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
    }
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let names = |folder: &str| {
        let entries = fs::read_dir(fuzz.join(folder)).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
            .collect();
        names.sort();
        names
    };
    let mut wanted: Vec<&str> = ENTRY_POINTS.map(|(name, _)| name).to_vec();
    wanted.sort();
    assert_eq!(names("fuzz_targets"), wanted);
    assert_eq!(names("corpus"), wanted);
}
