//! The folder of an evaluation, with records made up.

use std::collections::BTreeMap;
use std::path::Path;

use asma::attack::Purpose;
use asma::evaluate::{
    ClassCounts, Evaluation, Measured, Measures, PairNames, Record, Setting, Shard, Store, Summary,
    TraceRecord, Verdict, merge, read_records,
};

const PAIRS: usize = 5;

fn evaluation() -> Evaluation {
    let setting = |name: &str, iterations: u32| Setting {
        name: name.into(),
        attack: "asma".into(),
        varied: BTreeMap::new(),
        losses: Vec::new(),
        config: serde_json::json!({ "iterations": iterations }),
    };
    Evaluation {
        asma_version: "1".into(),
        weights: "w".into(),
        weights_checksum: "00000000".into(),
        network: "a network".into(),
        precision: "f32".into(),
        preparation: "none".into(),
        pairing: "next".into(),
        purpose: Purpose::Targeted,
        thresholds: vec![0.5, 0.9],
        saves: false,
        settings: vec![setting("asma mask=adaptive", 10), setting("asma mask=static", 10)],
        pairs: (0..PAIRS)
            .map(|pair| PairNames {
                image: format!("{pair}.png"),
                target: "t.png".into(),
                label: None,
                region: None,
            })
            .collect(),
    }
}

fn measures(iou: f32) -> Measures {
    Measures {
        iou,
        pixel_accuracy: 0.1 + iou / 2.0,
        classes: vec![
            ClassCounts {
                target: 10,
                prediction: 12,
                both: 8,
            };
            2
        ],
        l1: 3.5,
        l2: 0.7,
        linf: 0.03,
        psnr: Some(40.0),
        ssim: 0.99,
        success: vec![iou >= 0.5, iou >= 0.9],
    }
}

fn record(task: usize) -> Record {
    let measured = Measured {
        input_size: [8, 9],
        device: "CPU".into(),
        clean_iou: Some(0.95),
        iou_before: 0.1,
        pixel_accuracy_before: 0.4,
        float: measures(0.09 * task as f32 + 0.013),
        as_8_bits: measures(0.08 * task as f32),
        iterations: 10,
        best_iteration: 9,
        stop: "all iterations done".into(),
        forward_passes: 11,
        backward_passes: 11,
        seconds: 0.25,
        notes: Vec::new(),
        losses: Vec::new(),
    };
    of(task, Verdict::Done(Box::new(measured)))
}

fn of(task: usize, verdict: Verdict) -> Record {
    let evaluation = evaluation();
    Record {
        task,
        pair: task / 2,
        setting: evaluation.settings[task % 2].name.clone(),
        image: evaluation.pairs[task / 2].image.clone(),
        target: "t.png".into(),
        verdict,
    }
}

fn failed(task: usize) -> Record {
    let reason = "it is broken".into();
    of(task, Verdict::Failed { reason })
}

fn trace(task: usize) -> TraceRecord {
    TraceRecord {
        task,
        iteration: vec![0, 5, 9],
        iou: vec![0.1, 0.2, 0.3],
        l2: vec![0.0, 0.5, 0.7],
        linf: vec![0.0, 0.02, 0.03],
    }
}

fn open(folder: &Path, shard: Shard, resume: bool) -> asma::Result<Store> {
    Store::open(folder, evaluation(), shard, resume)
}

/// Writes these tasks down.
fn add(store: &mut Store, tasks: &[usize]) {
    for &task in tasks {
        store.add(&record(task), Some(&trace(task))).unwrap();
    }
}

/// All files, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}

fn read_summary(folder: &Path) -> Summary {
    serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap()
}

/// What one run in ascending order leaves.
fn in_one_go() -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), Shard::WHOLE, false).unwrap();
    add(&mut store, &(0..2 * PAIRS).collect::<Vec<_>>());
    store.finish().unwrap();
    files(folder.path())
}

#[test]
fn records_are_read_back_to_the_digit_and_stand_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), Shard::WHOLE, false).unwrap();
    assert_eq!(store.remaining(), (0..10).collect::<Vec<_>>());
    add(&mut store, &[7, 1, 9, 0, 3, 2, 8, 6, 5, 4]);
    let summary = store.finish().unwrap();
    assert_eq!((summary.done, summary.failed, summary.pairs), (10, 0, 5));
    let read = read_records(folder.path()).unwrap();
    assert_eq!(read, (0..10).map(record).collect::<Vec<_>>());
    assert_eq!(files(folder.path()), in_one_go());
    // Of the first setting tasks 0, 2, …, 8, of which those with an IoU of 0.5 and more are 6 and 8.
    let success = summary.settings[0].float.success[0].unwrap();
    assert!((success.mean - 0.4).abs() < 1e-12, "{success:?}");
}

#[test]
fn cut_anywhere_it_goes_on_to_the_same_files() {
    let expected = in_one_go();
    let results = &expected["results.jsonl"];
    for cut in [
        0,
        1,
        200,
        results.len() / 3,
        results.len() / 2 + 7,
        results.len() - 1,
        results.len(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), Shard::WHOLE, false).unwrap();
        add(&mut store, &(0..10).collect::<Vec<_>>());
        drop(store);
        std::fs::write(folder.path().join("results.jsonl"), &results[..cut]).unwrap();
        let mut store = open(folder.path(), Shard::WHOLE, true).unwrap();
        let remaining = store.remaining();
        assert_eq!(remaining.len(), 10 - results[..cut].matches('\n').count());
        add(&mut store, &remaining);
        store.finish().unwrap();
        assert_eq!(files(folder.path()), expected, "cut at {cut}");
    }
}

#[test]
fn a_record_without_its_trace_and_one_that_failed_are_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), Shard::WHOLE, false).unwrap();
    add(&mut store, &[0, 1]);
    store.add(&record(2), None).unwrap();
    store.add(&failed(3), None).unwrap();
    drop(store);
    let mut store = open(folder.path(), Shard::WHOLE, true).unwrap();
    assert_eq!(store.remaining(), [2, 3, 4, 5, 6, 7, 8, 9]);
    let remaining = store.remaining();
    add(&mut store, &remaining);
    store.finish().unwrap();
    assert_eq!(files(folder.path()), in_one_go());
}

#[test]
fn slices_join_into_the_files_of_one_run() {
    let (out, folders) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let slices: Vec<_> = (1..=3)
        .map(|index| {
            let folder = folders.path().join(index.to_string());
            std::fs::create_dir(&folder).unwrap();
            let mut store = open(&folder, Shard { index, count: 3 }, false).unwrap();
            let mut tasks = store.remaining();
            tasks.reverse();
            add(&mut store, &tasks);
            store.finish().unwrap();
            folder
        })
        .collect();
    let summary = merge(
        &[slices[2].clone(), slices[0].clone(), slices[1].clone()],
        out.path(),
    )
    .unwrap();
    assert_eq!(summary.done, 10);
    assert_eq!(files(out.path()), in_one_go());
    let refused = |slices: &[std::path::PathBuf]| {
        let empty = tempfile::tempdir().unwrap();
        let refusal = merge(slices, empty.path()).unwrap_err().to_string();
        assert_eq!(files(empty.path()), BTreeMap::new());
        refusal
    };
    let missing = refused(&slices[..2]);
    assert!(
        missing.contains("2 of 10 tasks") && missing.contains("pair 2"),
        "{missing}"
    );
    // A slice whose traces are gone is not whole either.
    let traces = slices[2].join("traces.jsonl");
    let kept = std::fs::read(&traces).unwrap();
    std::fs::remove_file(&traces).unwrap();
    let missing = refused(&slices);
    assert!(
        missing.contains("2 of 10 tasks") && missing.contains("trace"),
        "{missing}"
    );
    std::fs::write(&traces, kept).unwrap();
    let of_slice = read_summary(&slices[2]);
    assert_eq!((of_slice.pairs, summary.pairs), (1, 5));
    let twice = refused(&[slices[0].clone(), slices[1].clone(), slices[1].clone()]);
    assert!(twice.contains("each slice once"), "{twice}");
    let nothing = refused(&[out.path().join("nowhere")]);
    assert!(nothing.contains("evaluation.json"), "{nothing}");
    // One of the slices is no place for the whole: it would be lost if the run were killed.
    let before = files(&slices[1]);
    let standing = merge(&slices, &slices[1]).unwrap_err().to_string();
    assert!(standing.contains("an evaluation stands there"), "{standing}");
    assert_eq!(files(&slices[1]), before);
    // What a merge has left that was killed is no obstacle, where it is no slice.
    let killed = tempfile::tempdir().unwrap();
    for folder in [killed.path(), &slices[1]] {
        std::fs::write(folder.join("merging.txt"), "").unwrap();
    }
    std::fs::write(killed.path().join("results.jsonl"), "{\"task\": 0").unwrap();
    merge(&slices, killed.path()).unwrap();
    assert_eq!(files(killed.path()), in_one_go());
    let standing = merge(&slices, &slices[1]).unwrap_err().to_string();
    assert!(standing.contains("an evaluation stands there"), "{standing}");
}

#[test]
fn results_of_other_options_are_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), Shard::WHOLE, false).unwrap());
    let again = open(folder.path(), Shard::WHOLE, false).unwrap_err().to_string();
    assert!(again.contains("resume it"), "{again}");
    let other_slice = open(folder.path(), Shard { index: 2, count: 2 }, true)
        .unwrap_err()
        .to_string();
    assert!(
        other_slice.contains("holds slice 1/1, and slice 2/2"),
        "{other_slice}"
    );
    let with = |change: &dyn Fn(&mut Evaluation)| {
        let mut other = evaluation();
        change(&mut other);
        Store::open(folder.path(), other, Shard::WHOLE, true)
            .unwrap_err()
            .to_string()
    };
    let iterations = with(&|other| other.settings[1].config = serde_json::json!({ "iterations": 20 }));
    assert!(
        iterations.contains("settings[1].config.iterations is 10 there and 20 here"),
        "{iterations}"
    );
    let weights = with(&|other| other.weights_checksum = "12345678".into());
    assert!(weights.contains("weights_checksum"), "{weights}");
    let fewer = with(&|other| other.pairs.truncate(2));
    assert!(fewer.contains("pairs has 5 entries there and 2 here"), "{fewer}");
    let image = with(&|other| other.pairs[3].image = "x.png".into());
    assert!(image.contains("pairs[3].image"), "{image}");
}

#[test]
fn lines_that_cannot_be_and_files_of_nobody_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.jsonl");
    std::fs::write(&results, "{}\n").unwrap();
    let nobody = open(folder.path(), Shard::WHOLE, true).unwrap_err().to_string();
    assert!(
        nobody.contains("results.jsonl") && nobody.contains("move it away"),
        "{nobody}"
    );
    std::fs::remove_file(&results).unwrap();
    drop(open(folder.path(), Shard::WHOLE, true).unwrap());
    std::fs::write(&results, "{\"task\":\n").unwrap();
    let torn = open(folder.path(), Shard::WHOLE, true).unwrap_err().to_string();
    assert!(torn.contains("line 1 cannot be understood"), "{torn}");
    let strange = Record {
        setting: "another".into(),
        ..record(0)
    };
    std::fs::write(&results, serde_json::to_string(&strange).unwrap() + "\n").unwrap();
    // What is refused leaves what was made of the lines before.
    let table = folder.path().join("table.md");
    std::fs::write(&table, "").unwrap();
    let other = open(folder.path(), Shard::WHOLE, true).unwrap_err().to_string();
    assert!(other.contains("`another`"), "{other}");
    assert!(table.exists());
    std::fs::write(&results, "").unwrap();
    let early = open(folder.path(), Shard::WHOLE, true)
        .unwrap()
        .finish()
        .unwrap_err()
        .to_string();
    assert!(early.contains("no record of task 0"), "{early}");
}

#[test]
fn slices_are_written_as_one_of_so_many() {
    assert_eq!("2/3".parse::<Shard>().unwrap(), Shard { index: 2, count: 3 });
    for text in ["0/3", "4/3", "3", "a/b", "1/0"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
    let shards: Vec<Shard> = (1..=3).map(|index| Shard { index, count: 3 }).collect();
    for pair in 0..20 {
        assert_eq!(shards.iter().filter(|shard| shard.has(pair)).count(), 1);
    }
}

#[test]
fn what_failed_counts_and_stays_out_of_the_means() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), Shard::WHOLE, false).unwrap();
    add(&mut store, &[0, 1, 2, 3, 5, 6, 7, 8, 9]);
    store.add(&failed(4), None).unwrap();
    let summary = store.finish().unwrap();
    assert_eq!((summary.done, summary.failed), (9, 1));
    let first = &summary.settings[0];
    assert_eq!(
        (first.done, first.failed, first.float.iou.unwrap().count),
        (4, 1, 4)
    );
    let table = std::fs::read_to_string(folder.path().join("table.md")).unwrap();
    assert!(table.contains("| asma mask=adaptive | 4 | 1 |"), "{table}");
    // Where none is done, there is no number.
    let none = Summary::new(&evaluation(), &[failed(0), failed(1)]);
    assert_eq!(none.settings[0].float.mean_iou, None);
    let table = asma::evaluate::table::markdown(&none);
    assert!(
        table.contains("| – | – |\n") && !table.contains("1.0000"),
        "{table}"
    );
    let latex = std::fs::read_to_string(folder.path().join("table.tex")).unwrap();
    assert!(
        latex.contains("asma mask=static & 5 & 0 & ") && latex.contains(" $\\pm$ "),
        "{latex}"
    );
}
