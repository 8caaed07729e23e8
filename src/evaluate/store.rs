//! The folder of an evaluation: begun, gone on with, finished, and joined from slices.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kept::{KEPT_FILES, kept_folder};
use super::lines::{Lines, Piece, pieces, read_objects, write_sorted};
use super::record::{Evaluation, Record, TraceRecord, Verdict};
use super::report::{Report, saved_pictures, write_report};
use super::shard::Shard;
use super::summary::Summary;
use super::table::{latex, markdown};
use super::whole_lines::whole_lines;
use crate::error::{Error, Result};
use crate::files::{remove_earlier, write_atomically};
use crate::json::described;

const EVALUATION: &str = "evaluation.json";
const SHARD: &str = "shard.json";
const RESULTS: &str = "results.jsonl";
const TRACES: &str = "traces.jsonl";
/// The folder of the images that are kept, see [`kept_folder`].
pub const SAVED: &str = "saved";
const SUMMARY: &str = "summary.json";
const MARKDOWN: &str = "table.md";
const LATEX: &str = "table.tex";
const REPORT: &str = "report.html";
/// What follows from the records, which says last that all of it is there.
const DERIVED: [&str; 4] = [SUMMARY, MARKDOWN, LATEX, REPORT];
/// Stands in a folder that slices are being joined in: whoever finds it, and holds the folder, finds what is left of a merge that
/// was killed.
const MERGING: &str = "merging.txt";

/// The files of an evaluation; images that are kept stand in folders below `saved`.
pub const EVALUATION_FILES: [&str; 8] = [
    SUMMARY, MARKDOWN, LATEX, REPORT, RESULTS, TRACES, SHARD, EVALUATION,
];

/// The folder that an evaluation is written to. Who opens it sees to it that nobody else does.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    evaluation: Evaluation,
    shard: Shard,
    results: Lines,
    traces: Lines,
    done: BTreeSet<usize>,
}

impl Store {
    /// Begins an evaluation, or with `resume` goes on with the one that stands there: its records stay, those of pairs that
    /// failed are taken away to be tried again, and a torn last line is dropped.
    ///
    /// # Errors
    /// If there is an evaluation and it is not to be gone on with, or one of other options, naming the difference; if a line
    /// cannot be understood, or a file cannot be read or written.
    pub fn open(
        folder: impl AsRef<Path>,
        evaluation: Evaluation,
        shard: Shard,
        resume: bool,
    ) -> Result<Store> {
        let folder = folder.as_ref().to_path_buf();
        let [description, results, traces] = [EVALUATION, RESULTS, TRACES].map(|name| folder.join(name));
        refuse_same_names(&evaluation)?;
        let mut done = BTreeSet::new();
        match (description.exists(), resume) {
            (true, false) => {
                return Err(Error::Usage(format!(
                    "{}: an evaluation stands there; resume it, or name another folder",
                    folder.display()
                )));
            }
            (true, true) => {
                let standing: Evaluation = read_json(&description)?;
                refuse_difference(&folder, &standing, &evaluation)?;
                let standing: Shard = match folder.join(SHARD).exists() {
                    true => read_json(&folder.join(SHARD))?,
                    false => Shard::WHOLE,
                };
                if standing != shard {
                    return Err(Error::Usage(format!(
                        "{}: holds slice {standing}, and slice {shard} is wanted; name another folder",
                        folder.display()
                    )));
                }
                let kept = whole_lines(&evaluation, &results, &traces)?;
                remove_earlier(&folder, &DERIVED)?;
                remove_earlier(&folder, &[MERGING])?;
                done = kept.write(&results, &traces)?;
            }
            (false, _) => {
                refuse_lines(&folder)?;
                remove_earlier(&folder, &DERIVED)?;
                remove_earlier(&folder, &[MERGING])?;
                match shard == Shard::WHOLE {
                    true => remove_earlier(&folder, &[SHARD])?,
                    false => write_json(&folder.join(SHARD), &shard)?,
                }
                write_json(&description, &evaluation)?;
            }
        }
        Ok(Store {
            results: Lines::open(results)?,
            traces: Lines::open(traces)?,
            folder,
            evaluation,
            shard,
            done,
        })
    }

    /// The tasks of this slice that have no record yet, ascending.
    pub fn remaining(&self) -> Vec<usize> {
        let tasks = tasks_of(&self.evaluation, self.shard);
        tasks.filter(|task| !self.done.contains(task)).collect()
    }

    /// The tasks of this slice.
    pub fn task_count(&self) -> usize {
        tasks_of(&self.evaluation, self.shard).count()
    }

    /// Writes down what came of a task, at once.
    ///
    /// # Errors
    /// If the disk is full or fails.
    pub fn add(&mut self, record: &Record, trace: Option<&TraceRecord>) -> Result<()> {
        // A trace without a record is dropped by who goes on, a record without a trace would stay.
        if let Some(trace) = trace {
            self.traces.add(trace)?;
        }
        self.results.add(record)?;
        self.done.insert(record.task);
        Ok(())
    }

    /// Sorts the lines, and writes what they say together.
    ///
    /// # Errors
    /// If a task has no record yet, or a file cannot be read or written.
    pub fn finish(self) -> Result<Summary> {
        if let Some(task) = self.remaining().first() {
            return Err(Error::file(
                self.folder.join(RESULTS),
                format!("has no record of task {task}; resume it to go on"),
            ));
        }
        for name in [RESULTS, TRACES] {
            let file = self.folder.join(name);
            let pieces = pieces(&file, 0)?;
            if !pieces.is_sorted_by_key(|piece| piece.task) {
                write_sorted(&file, std::slice::from_ref(&file), pieces)?;
            }
        }
        write_derived(&self.folder, &self.evaluation)
    }
}

/// Reads what an evaluation was asked for.
///
/// # Errors
/// If there is none.
pub fn read_evaluation(folder: impl AsRef<Path>) -> Result<Evaluation> {
    read_json(&folder.as_ref().join(EVALUATION))
}

/// Reads all records that stand in the folder of an evaluation.
///
/// # Errors
/// If a line cannot be understood.
pub fn read_records(folder: impl AsRef<Path>) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    read_objects(&folder.as_ref().join(RESULTS), &mut |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// Joins the slices of an evaluation into the files that one run would have written, in a folder that holds none, or what a merge
/// left that was ended before it was done; images that were kept are copied. Who opens the folder sees to it that nobody else does.
///
/// # Errors
/// If an evaluation stands where the files are to be written, a folder holds no evaluation, they are of different ones,
/// naming the difference, a pair is missing, or a file cannot be read or written.
pub fn merge(folders: &[PathBuf], out: impl AsRef<Path>) -> Result<Summary> {
    let out = out.as_ref();
    let Some(first) = folders.first() else {
        return Err(Error::Usage("no folder was named to join".into()));
    };
    let is_whole = !out.join(MERGING).exists() || out.join(SUMMARY).exists();
    let is_left = !is_whole && !folders.iter().any(|folder| is_same(folder, out));
    if !is_left {
        refuse_standing(out)?;
    }
    let evaluation = read_evaluation(first)?;
    for folder in &folders[1..] {
        refuse_difference(folder, &read_evaluation(folder)?, &evaluation)?;
    }
    let mut all: [Vec<Piece>; 2] = Default::default();
    let mut holders: Vec<Option<usize>> = vec![None; tasks_of(&evaluation, Shard::WHOLE).count()];
    for (number, folder) in folders.iter().enumerate() {
        for (of_kind, name) in all.iter_mut().zip([RESULTS, TRACES]) {
            of_kind.extend(pieces(&folder.join(name), number)?);
        }
    }
    for piece in &all[0] {
        let file = folders[piece.file].join(RESULTS);
        match holders.get_mut(piece.task) {
            None => {
                return Err(Error::file(
                    file,
                    format!(
                        "has a record of task {}, and there are {}; is it of another evaluation?",
                        piece.task,
                        holders.len()
                    ),
                ));
            }
            Some(Some(other)) if *other != piece.file => {
                return Err(Error::file(
                    file,
                    format!(
                        "has a record of task {}, and so has {}; name each slice once",
                        piece.task,
                        folders[*other].display()
                    ),
                ));
            }
            Some(holder) => *holder = Some(piece.file),
        }
    }
    // What is done has a trace too, as where an evaluation is gone on with.
    let traced: BTreeSet<usize> = all[1].iter().map(|piece| piece.task).collect();
    let mut missing: BTreeSet<usize> = (0..holders.len())
        .filter(|&task| holders[task].is_none())
        .collect();
    for folder in folders {
        let done = read_records(folder)?
            .into_iter()
            .filter(|record| matches!(record.verdict, Verdict::Done(_)));
        missing.extend(
            done.map(|record| record.task)
                .filter(|task| !traced.contains(task)),
        );
    }
    if let Some(&task) = missing.first() {
        return Err(Error::Usage(format!(
            "{} of {} tasks have no record, or no trace, in any of the folders, such as that of pair {}; name all slices, and \
             let each end first (resume what has not)",
            missing.len(),
            holders.len(),
            task / evaluation.settings.len().max(1)
        )));
    }
    let says = "asma merge writes to this folder, or was ended before it was done; begin it again\n";
    write_text(&out.join(MERGING), says)?;
    remove_earlier(out, &EVALUATION_FILES)?;
    let saved = out.join(SAVED);
    if is_left && saved.exists() {
        std::fs::remove_dir_all(&saved).map_err(|cause| {
            Error::file(
                &saved,
                format!("is of an earlier run and cannot be removed: {cause}"),
            )
        })?;
    }
    if evaluation.saves {
        for (number, folder) in folders.iter().enumerate() {
            copy_kept(folder, out, |task| holders.get(task) == Some(&Some(number)))?;
        }
    }
    for (pieces, name) in all.into_iter().zip([RESULTS, TRACES]) {
        let files: Vec<PathBuf> = folders.iter().map(|folder| folder.join(name)).collect();
        write_sorted(&out.join(name), &files, pieces)?;
    }
    write_json(&out.join(EVALUATION), &evaluation)?;
    let summary = write_derived(out, &evaluation)?;
    remove_earlier(out, &[MERGING])?;
    Ok(summary)
}

/// Whether two folders that are there are one.
fn is_same(folder: &Path, other: &Path) -> bool {
    let [folder, other] = [folder, other].map(std::fs::canonicalize);
    folder.is_ok_and(|folder| other.is_ok_and(|other| folder == other))
}

/// Writes what the records in a folder say together; the summary last, so that where it stands all the rest does.
fn write_derived(folder: &Path, evaluation: &Evaluation) -> Result<Summary> {
    let records = read_records(folder)?;
    let mut traces = Vec::new();
    read_objects(&folder.join(TRACES), &mut |trace| {
        traces.push(trace);
        Ok(())
    })?;
    let summary = Summary::new(evaluation, &records);
    let report = Report {
        evaluation,
        summary: &summary,
        records: &records,
        traces: &traces,
    };
    let saved = folder.join(SAVED);
    // Without it, what stands there is of another evaluation.
    write_report(
        folder.join(REPORT),
        &report,
        &mut |record| match evaluation.saves {
            true => saved_pictures(&saved, record),
            false => Ok(None),
        },
    )?;
    write_text(&folder.join(MARKDOWN), &markdown(&summary))?;
    write_text(&folder.join(LATEX), &latex(&summary))?;
    write_json(&folder.join(SUMMARY), &summary)?;
    Ok(summary)
}

/// The tasks of a slice, ascending.
fn tasks_of(evaluation: &Evaluation, shard: Shard) -> impl Iterator<Item = usize> {
    let settings = evaluation.settings.len();
    (0..evaluation.pairs.len())
        .filter(move |&pair| shard.has(pair))
        .flat_map(move |pair| pair * settings..(pair + 1) * settings)
}

/// Copies the images of those tasks that a folder has done and that are wanted of it.
fn copy_kept(from: &Path, out: &Path, is_wanted: impl Fn(usize) -> bool) -> Result<()> {
    for record in read_records(from)? {
        // A pair that failed may have left half of them.
        if matches!(record.verdict, Verdict::Done(_)) && is_wanted(record.task) {
            copy_images_of(from, out, record.task)?;
        }
    }
    Ok(())
}

fn copy_images_of(from: &Path, out: &Path, task: usize) -> Result<()> {
    let [from, to] = [from, out].map(|folder| kept_folder(&folder.join(SAVED), task));
    std::fs::create_dir_all(&to).map_err(|cause| Error::file(&to, format!("cannot be made: {cause}")))?;
    for name in KEPT_FILES {
        let bytes = std::fs::read(from.join(name))
            .map_err(|cause| Error::file(from.join(name), format!("cannot be read: {cause}")))?;
        write_atomically(to.join(name), |file| file.write_all(&bytes))?;
    }
    Ok(())
}

/// Refuses a folder that holds lines of an evaluation, which would be lost.
fn refuse_lines(folder: &Path) -> Result<()> {
    let lines = [RESULTS, TRACES].map(|name| folder.join(name));
    match lines.into_iter().find(|file| file.exists()) {
        None => Ok(()),
        Some(file) => Err(Error::file(
            file,
            format!(
                "would be written over, and there is no {EVALUATION} beside it to say what it is of; move it away, or name \
                 another folder"
            ),
        )),
    }
}

/// Refuses a folder that an evaluation stands in, whole or in part.
fn refuse_standing(folder: &Path) -> Result<()> {
    match folder.join(EVALUATION).exists() {
        true => Err(Error::Usage(format!(
            "{}: an evaluation stands there; name another folder",
            folder.display()
        ))),
        false => refuse_lines(folder),
    }
}

/// Refuses settings that their records could not be told apart by.
fn refuse_same_names(evaluation: &Evaluation) -> Result<()> {
    let mut names = BTreeSet::new();
    match evaluation
        .settings
        .iter()
        .find(|setting| !names.insert(&setting.name))
    {
        None => Ok(()),
        Some(setting) => Err(Error::Usage(format!(
            "two settings are called `{}`; each needs a name of its own",
            setting.name
        ))),
    }
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}

fn write_json(path: &Path, object: &impl Serialize) -> Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, object).map_err(std::io::Error::from)?;
        writeln!(file)
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(|cause| Error::file(path, format!("cannot be read: {cause}")))?;
    serde_json::from_slice(&bytes).map_err(|cause| {
        Error::file(
            path,
            format!("is no {}: {cause}; name the folder of an evaluation", {
                path.file_name().unwrap_or_default().to_string_lossy()
            }),
        )
    })
}

fn refuse_difference(folder: &Path, standing: &Evaluation, wanted: &Evaluation) -> Result<()> {
    let [a, b] = [standing, wanted].map(described);
    match difference("", &a, &b) {
        None => Ok(()),
        Some(difference) => Err(Error::Usage(format!(
            "{}: holds results of other options: {difference}; name another folder, or give the same options",
            folder.display()
        ))),
    }
}

/// The first place where two values differ, in words.
fn difference(place: &str, standing: &Value, wanted: &Value) -> Option<String> {
    let beneath = |name: &str| match place {
        "" => name.to_string(),
        place => format!("{place}.{name}"),
    };
    match (standing, wanted) {
        (a, b) if a == b => None,
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| {
                let value = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                difference(&beneath(name), &value(a), &value(b))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| difference(&format!("{place}[{index}]"), a, b)),
        (Value::Array(a), Value::Array(b)) => Some(format!(
            "{place} has {} entries there and {} here",
            a.len(),
            b.len()
        )),
        (a, b) => Some(format!("{place} is {a} there and {b} here")),
    }
}
