//! What the shipped networks are worth, and what ASMA does to them: the IoU on synthetic images that nothing was
//! trained on, or on photographs with masks; and attacks on random pairs, each image towards another's mask.
//! `cargo bench --bench shipped_models -- --weights weights/fundus.safetensors --kind fundus --save`

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use asma::attack::{AsmaConfig, Attack, AttackInput, Levels, Objective, Snapshots, assess};
use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::data::{
    InputOptions, NameRule, Preparation, Resize, SyntheticKind, SyntheticOptions, common_reading, generate,
    pair_by_name, read_pairs,
};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions};
use asma::labels::compare;
use asma::model::Model;
use asma::program::Executor;
use asma::{LabelMap, Scores, Tensor};
use clap::Parser;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// Rounded to 8 bits, an adversarial image of at least this IoU has survived.
const SURVIVES: f32 = 0.95;

#[derive(Parser)]
struct Arguments {
    /// The network
    #[arg(long)]
    weights: PathBuf,
    /// What the synthetic images show
    #[arg(long, default_value = "fundus")]
    kind: SyntheticKind,
    /// Side of the images
    #[arg(long, default_value_t = 160)]
    size: usize,
    /// Seed of the images; other than that of the training, and its validation
    #[arg(long, default_value_t = 1_000_003)]
    seed: u64,
    /// Unseen images to predict
    #[arg(long, default_value_t = 200)]
    images: usize,
    /// Pairs to attack
    #[arg(long, default_value_t = 50)]
    pairs: usize,
    /// Most iterations of an attack
    #[arg(long, default_value_t = 600)]
    iterations: u32,
    /// IoU that ends an attack
    #[arg(long, default_value_t = 0.98)]
    stop_iou: f32,
    /// What the attacks raise, as `asma attack --objective`
    #[arg(long, default_value_t = Objective::Margin)]
    objective: Objective,
    /// Weight of the distance to the source
    #[arg(long, default_value_t = 1.0)]
    lambda: f32,
    /// Predict photographs of this folder too, with masks of the same names, scaled to the size
    #[arg(long, requires = "masks")]
    photographs: Option<PathBuf>,
    /// Their masks
    #[arg(long)]
    masks: Option<PathBuf>,
    /// Where to run, as `asma --device`
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Keep the raw numbers as this file
    #[arg(long)]
    save: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Serialize)]
struct Record {
    command: String,
    device: String,
    network: String,
    /// IoU of each unseen image.
    unseen: Vec<f32>,
    photographs: Vec<(String, f32)>,
    attacks: Vec<AttackRecord>,
}

#[derive(Serialize)]
struct AttackRecord {
    image: usize,
    target: usize,
    iterations: usize,
    /// After how many of them the IoU was reached.
    reached: Option<u32>,
    seconds: f64,
    before: Scores,
    best: Scores,
    rounded_to_8_bits: Scores,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let model = Model::from_checkpoint(&Checkpoint::open(&arguments.weights)?)?;
    let options = SyntheticOptions {
        kind: arguments.kind,
        size: arguments.size,
        seed: arguments.seed,
        cup: false,
    };
    let (image, _) = generate(&options, 0)?;
    let config = AsmaConfig {
        objective: arguments.objective,
        iterations: arguments.iterations,
        stop_iou: Some(arguments.stop_iou),
        lambda: arguments.lambda,
        ..AsmaConfig::default()
    };
    let attack = Attack::new(&model.graph, image.shape(), config, false)?;
    let mut executor = open(&arguments.device, &attack)?;
    let executor = executor.as_mut();
    let mut record = Record {
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        device: executor.describe(),
        network: model.name.clone(),
        unseen: Vec::new(),
        photographs: Vec::new(),
        attacks: Vec::new(),
    };
    println!("{} on {}", record.network, record.device);

    for index in 0..arguments.images {
        let (image, labels) = generate(&options, index as u64)?;
        record.unseen.push(iou(&attack, executor, &image, &labels)?);
    }
    if !record.unseen.is_empty() {
        println!(
            "{} unseen images: {}",
            record.unseen.len(),
            spread(&record.unseen)
        );
    }
    if let (Some(images), Some(masks)) = (&arguments.photographs, &arguments.masks) {
        let photographs = InputOptions {
            preparation: Preparation {
                resize: Some(Resize {
                    width: arguments.size,
                    height: arguments.size,
                }),
                ..Preparation::default()
            },
            ..InputOptions::default()
        };
        let pairs = pair_by_name(images, masks, &NameRule::default())?.pairs;
        let reading = common_reading(&pairs, 2, &photographs.mask)?;
        for sample in read_pairs(&pairs, &photographs, 2, &reading)?.samples {
            let iou = iou(&attack, executor, &sample.image, &sample.labels)?;
            println!("photograph {}: IoU {iou:.4}", sample.name);
            record.photographs.push((sample.name, iou));
        }
    }
    let mut random = SmallRng::seed_from_u64(arguments.seed);
    let range = 0..arguments.images.max(2);
    for number in 0..arguments.pairs {
        let image = random.random_range(range.clone());
        let target = (image + random.random_range(1..range.end)) % range.end;
        let (source, _) = generate(&options, image as u64)?;
        let (_, wanted) = generate(&options, target as u64)?;
        let attacked = attack_pair(&attack, executor, [image, target], &source, &wanted)?;
        println!(
            "pair {number}: {image} to {target}, {} iterations, {:.1} s, IoU {:.4} to {:.4}, as 8 bits {:.4}, \
             L2 {:.3}, L∞ {:.4}",
            attacked.iterations,
            attacked.seconds,
            attacked.before.iou,
            attacked.best.iou,
            attacked.rounded_to_8_bits.iou,
            attacked.best.l2,
            attacked.best.linf
        );
        record.attacks.push(attacked);
    }
    print_attacks(&record.attacks);
    if let Some(path) = &arguments.save {
        asma::files::write_atomically(path, |file| {
            serde_json::to_writer_pretty(file, &record).map_err(std::io::Error::other)
        })?;
        println!("saved to {}", path.display());
    }
    Ok(())
}

fn open(device: &DeviceChoice, attack: &Attack) -> Result<Box<dyn Executor>> {
    let program = attack.program();
    Ok(match GpuDevice::open(device, Capabilities::Full)? {
        Some(gpu) => Box::new(GpuExecutor::new(gpu, program, &GpuOptions::default())?),
        None => Box::new(CpuExecutor::new(Arc::clone(program))?),
    })
}

fn iou(attack: &Attack, executor: &mut dyn Executor, image: &Tensor, labels: &LabelMap) -> Result<f32> {
    let predictions = attack.predict(executor, image)?;
    let prediction = predictions.first().context("no sample")?;
    Ok(compare(labels, prediction, &[1])?.0)
}

fn attack_pair(
    attack: &Attack,
    executor: &mut dyn Executor,
    [image, target]: [usize; 2],
    source: &Tensor,
    wanted: &LabelMap,
) -> Result<AttackRecord> {
    ensure!(wanted.count(1) > 0, "the mask of image {target} is empty");
    let start = Instant::now();
    let input = AttackInput {
        source,
        targets: std::slice::from_ref(wanted),
        regions: &[],
        snapshots: Snapshots::None,
    };
    let outcomes = attack.run(executor, input, &mut |_| ControlFlow::Continue(()))?;
    let outcome = outcomes.first().context("no sample")?;
    let seconds = start.elapsed().as_secs_f64();
    let mut judge = |image: &Tensor| -> Result<Scores> {
        let predictions = attack.predict(executor, image)?;
        let prediction = predictions.first().context("no sample")?;
        Ok(assess(source, image, wanted, prediction, &[1])?)
    };
    let (before, best) = (judge(source)?, judge(&outcome.best)?);
    let rounded = attack.saved(executor, source, &outcome.best, wanted, &best, Levels::EIGHT_BITS)?;
    Ok(AttackRecord {
        image,
        target,
        iterations: outcome.trace.len(),
        reached: outcome.reached,
        seconds,
        before,
        best,
        rounded_to_8_bits: rounded.scores,
    })
}

fn print_attacks(attacks: &[AttackRecord]) {
    if attacks.is_empty() {
        return;
    }
    let of = |value: &dyn Fn(&AttackRecord) -> f32| attacks.iter().map(value).collect::<Vec<_>>();
    println!("{} attacks:", attacks.len());
    println!("  IoU with the target      {}", spread(&of(&|a| a.best.iou)));
    println!(
        "  IoU as 8 bits            {}",
        spread(&of(&|a| a.rounded_to_8_bits.iou))
    );
    println!("  L2                       {}", spread(&of(&|a| a.best.l2)));
    println!("  L∞                       {}", spread(&of(&|a| a.best.linf)));
    println!(
        "  iterations               {}",
        spread(&of(&|a| a.iterations as f32))
    );
    let survivors = attacks
        .iter()
        .filter(|a| a.rounded_to_8_bits.iou >= SURVIVES)
        .count();
    println!(
        "  as 8 bits at least {SURVIVES}: {survivors} of {}",
        attacks.len()
    );
}

/// Mean, least, middle and most.
fn spread(values: &[f32]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    format!(
        "mean {mean:.4}, least {:.4}, median {:.4}, most {:.4}",
        sorted[0],
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1]
    )
}
