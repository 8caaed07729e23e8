//! `asma evaluate`: attacks over a data set, and the table that they come to.

mod ablation;
mod data;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use asma::attack::{self, table};
use asma::cpu::describe;
use asma::data::{ImageOptions, InputOptions, MaskOptions, file_of};
use asma::evaluate::{
    Devices, EVALUATION_FILES, Evaluation, Experiment, Pair, Record, SAVED, Shard, Sink, Store, Summary,
    TraceRecord, Trial, Verdict, checksum_of_network, with_common_reading,
};
use asma::job::Listener;
use asma::{Error, Result};
use clap::Args;

use self::ablation::{Axis, trials};
use self::data::DataArguments;
use super::attack::{Settings, known};
use super::console::{Console, print, say, tell};
use super::network::NetworkArguments;
use super::outputs::OutputFolder;
use super::preparation::PreparationArguments;
use super::progress::EvaluationProgress;

/// Attack all images of a data set, with one or several settings, and sum up what comes of it
///
/// DIR gets a line for each image and setting as it ends (results.jsonl, traces.jsonl), and in the end a table (table.md,
/// table.tex), all numbers (summary.json) and a page that shows them (report.html).
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    network: NetworkArguments,
    /// The folder that results are written to
    #[arg(long, value_name = "DIR", default_value = "asma-evaluation")]
    out: PathBuf,
    /// Go on with what stands in --out, if anything does, given the same other options; pairs that failed are tried again
    #[arg(long)]
    resume: bool,
    /// Attack slice I of N only; `asma merge` joins them
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// How many pairs at a time: on the CPU each on threads of its own, on a GPU in one batch [default: as many as threads and
    /// memory allow]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Keep the adversarial images, as pictures and as tensors
    #[arg(long)]
    save: bool,
    /// From which IoU (untargeted: what it lacks to 1) a pair counts as attacked
    #[arg(
        long,
        value_name = "IOU,…",
        value_delimiter = ',',
        default_value = "0.5,0.75,0.9,0.95"
    )]
    thresholds: Vec<f32>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    preparation: PreparationArguments,
    /// Which attacks: asma, or those that the field judges networks by, such as pgd,sea
    #[arg(
        long,
        value_name = "NAME,…",
        default_value = "asma",
        value_delimiter = ',',
        value_parser = known,
        help_heading = "Attack"
    )]
    attack: Vec<&'static table::Entry>,
    /// Run all combinations of these settings: of asma mask, multiplier, schedule, objective, tau=…, beta=…, lambda=…, cap=…, of
    /// attacks with a budget norm, loss, eps=…, alpha=…, of all iterations=…, and any other option of theirs; values stand behind =
    /// with colons between them, such as mask,multiplier or eps=1/255:2/255:4/255; what is one of a few words runs all of them
    #[arg(
        long,
        value_name = "SETTING,…",
        value_delimiter = ',',
        help_heading = "Attack"
    )]
    ablate: Vec<Axis>,
    #[command(flatten)]
    settings: Settings,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let settings = arguments.settings.told();
    check(arguments)?;
    // Pairs follow from it too.
    let without_seed = attack::Settings {
        seed: None,
        ..settings.clone()
    };
    without_seed.refuse_idle(&arguments.attack)?;
    let mut trials = trials(&settings, &arguments.attack, &arguments.ablate)?;
    let seed = settings.seed.unwrap_or(0);
    let (pairs, pairing) = arguments.data.read(seed.into(), settings.untargeted)?;
    let out = OutputFolder::open(&arguments.out)?;
    for input in [Some(&arguments.network.weights), arguments.data.csv.as_ref()]
        .into_iter()
        .flatten()
    {
        out.refuse_as_input(input, &EVALUATION_FILES)?;
    }
    out.refuse_beside_an_attack()?;
    if arguments.save {
        for file in pairs.iter().flat_map(Pair::files) {
            out.refuse_input_below(SAVED, file_of(file))?;
        }
    }
    let model = arguments.network.load()?;
    let classes = model.classes();
    let gpu = arguments.network.device.open()?;
    let precision = arguments.network.precision.choose(gpu.as_ref());
    for trial in &mut trials {
        trial.config = trial.config.clone().with_precision(precision);
        trial.config.check_without_weights(classes)?;
        let channels = model.graph.output_channels().unwrap_or(classes);
        for note in trial.config.notes(channels) {
            Console.note(&format!("{}: {note}", trial.setting.name));
        }
    }
    let channels = model.graph.output_channels().unwrap_or(classes);
    let input = with_common_reading(&arguments.preparation.input(), &pairs, channels)?;
    let evaluation = Evaluation {
        asma_version: env!("CARGO_PKG_VERSION").into(),
        weights: arguments.network.weights.display().to_string(),
        weights_checksum: checksum_of_network(&model),
        network: model.description(),
        precision: precision.to_string(),
        preparation: in_words(&input),
        pairing,
        purpose: settings.purpose(),
        thresholds: arguments.thresholds.clone(),
        saves: arguments.save,
        settings: trials.iter().map(|trial| trial.setting.clone()).collect(),
        pairs: pairs.iter().map(Pair::names).collect(),
    };
    say(format_args!("input: {}", evaluation.preparation));
    let mut store = Store::open(out.path(), evaluation, arguments.shard, arguments.resume)?;
    let saved = arguments.save.then(|| out.join(SAVED));
    let device = &arguments.network.device;
    // A batch that the GPU does not take is halved; a single pair may fall back on the CPU.
    let open = |program: &_, samples| match samples {
        1 => device.quiet_executor(gpu.clone(), program),
        _ => device.strict_executor(gpu.clone(), program),
    };
    say_what_runs(&pairs, &trials, &store);
    say(format_args!(
        "device: {}",
        gpu.as_ref().map_or_else(describe, |gpu| gpu.describe())
    ));
    let experiment = Experiment {
        model: &model,
        input: &input,
        pairs: &pairs,
        trials: &trials,
        thresholds: &arguments.thresholds,
        saved: saved.as_deref(),
    };
    let devices = Devices {
        open: &open,
        on_cpu: gpu.is_none(),
        at_once: arguments.batch,
    };
    let remaining = store.remaining();
    let mut sink = Writing {
        progress: EvaluationProgress::new(remaining.len()),
        noted: BTreeSet::new(),
        store: &mut store,
    };
    let end = experiment.run(&remaining, devices, &mut sink);
    sink.progress.finish();
    if let Some(more @ 1..) = sink.noted.len().checked_sub(MOST_NOTES) {
        Console.note(&format!(
            "{more} more images are like that; `notes` in results.jsonl names them"
        ));
    }
    if end?.is_break() {
        return Err(Error::file(
            out.path(),
            format!(
                "stopped, and {} of {} attacks are still to come; the same command with --resume goes on",
                store.remaining().len(),
                store.task_count()
            ),
        ));
    }
    let summary = store.finish()?;
    print_results(&summary, out.path(), arguments.json)?;
    refuse_failed(
        &summary,
        out.path(),
        "; the same command with --resume tries them again",
    )
}

/// Refuses what cannot be before anything is read.
fn check(arguments: &Arguments) -> Result<()> {
    if arguments.batch == Some(0) {
        return Err(Error::Usage("--batch 0: want one pair at a time at least".into()));
    }
    let strange = |threshold: &&f32| !(**threshold > 0.0 && **threshold <= 1.0);
    if let Some(threshold) = arguments.thresholds.iter().find(strange) {
        return Err(Error::Usage(format!(
            "--thresholds {threshold}: want numbers above 0, which all reach, and at most 1"
        )));
    }
    let mut others = arguments.thresholds.iter();
    while let Some(threshold) = others.next() {
        if others.as_slice().contains(threshold) {
            return Err(Error::Usage(format!(
                "--thresholds: {threshold} stands there twice"
            )));
        }
    }
    Ok(())
}

/// How files become what the network is given.
fn in_words(input: &InputOptions) -> String {
    // Taken apart, so that none is forgotten.
    let InputOptions {
        preparation,
        image: ImageOptions { page, white, window },
        mask:
            MaskOptions {
                page: page_of_masks,
                threshold,
                soft_threshold,
                values,
                reading,
            },
        fit,
    } = input;
    let mut parts = vec![preparation.to_string()];
    let mut add = |part: Option<String>| parts.extend(part);
    add(fit.map(|fit| format!("fit {fit:?}").to_lowercase()));
    add(page.map(|page| format!("page {page}")));
    add(white.map(|white| format!("white {white}")));
    add(window.map(|window| format!("window {window}")));
    add(page_of_masks.map(|page| format!("page {page} of masks")));
    add(threshold.map(|above| format!("masks above {above} of 255")));
    add(soft_threshold.map(|above| format!("soft masks above {above} of 255")));
    add(values.as_ref().map(|values| format!("values of masks: {values}")));
    add(reading.as_ref().map(|reading| format!("masks: {reading}")));
    parts.join("; ")
}

fn say_what_runs(pairs: &[Pair], trials: &[Trial], store: &Store) {
    let (remaining, all) = (store.remaining().len(), store.task_count());
    let standing = match all - remaining {
        0 => String::new(),
        done => format!(", {done} of them done already"),
    };
    say(format_args!(
        "evaluation: {}, {}: {}{standing}",
        counted(pairs.len(), "pair"),
        counted(trials.len(), "setting"),
        counted(all, "attack")
    ));
}

/// So many of a thing.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// So many notes on images are said at most.
const MOST_NOTES: usize = 3;

/// Writes down what ends, and shows how far it is.
struct Writing<'a> {
    progress: EvaluationProgress,
    /// What was said of images, or would have been.
    noted: BTreeSet<String>,
    store: &'a mut Store,
}

impl Sink for Writing<'_> {
    fn ended(&mut self, record: Record, trace: Option<TraceRecord>) -> Result<()> {
        self.store.add(&record, trace.as_ref())?;
        match &record.verdict {
            Verdict::Failed { reason } => say(format_args!(
                "{}: failed with {}: {reason}",
                record.image, record.setting
            )),
            Verdict::Done(measured) => {
                for note in &measured.notes {
                    if self.noted.insert(note.clone()) && self.noted.len() <= MOST_NOTES {
                        Console.note(note);
                    }
                }
            }
        }
        self.progress.step();
        Ok(())
    }

    fn tick(&mut self) -> ControlFlow<()> {
        self.progress.wish()
    }
}

/// Prints what an evaluation came to.
pub fn print_results(summary: &Summary, out: &Path, json: bool) -> Result<()> {
    if json {
        let text =
            serde_json::to_string_pretty(summary).map_err(|error| Error::file("standard output", error))?;
        print(&text)
    } else {
        print_summary(summary, out);
        Ok(())
    }
}

/// Attacks that failed are an error, in the end.
pub fn refuse_failed(summary: &Summary, out: &Path, advice: &str) -> Result<()> {
    match summary.failed {
        0 => Ok(()),
        failed => Err(Error::file(
            out.join("results.jsonl"),
            format!(
                "{failed} of {} attacks failed, and their lines say why{advice}",
                failed + summary.done
            ),
        )),
    }
}

fn print_summary(summary: &Summary, out: &Path) {
    let width = summary
        .settings
        .iter()
        .map(|setting| setting.name.len())
        .max()
        .unwrap_or(0);
    for setting in &summary.settings {
        let mean = |statistic: Option<asma::evaluate::Statistic>, digits: usize| match statistic {
            Some(found) if found.count > 1 => {
                format!("{:.digits$} ± {:.digits$}", found.mean, found.deviation)
            }
            Some(found) => format!("{:.digits$}", found.mean),
            None => "–".into(),
        };
        tell(format_args!(
            "  {:<width$}  IoU {}   as 8 bits {}   L2 {}   L∞ {}   {} s each",
            setting.name,
            mean(setting.float.iou, 4),
            mean(setting.as_8_bits.iou, 4),
            mean(setting.float.l2, 3),
            mean(setting.float.linf, 4),
            mean(setting.seconds, 2),
        ));
    }
    tell(format_args!(
        "  {} attacks; the table is {}",
        summary.done,
        out.join("table.md").display()
    ));
}
