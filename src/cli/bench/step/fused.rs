//! The step as the attack runs it: the launches of `shaders/objective.wgsl` and `shaders/asma_update.wgsl`, of the one-forward schedule.

use asma::Result;
use asma::gpu::{GpuDevice, GpuExecutor, GpuOptions};
use asma::kernels::{Extent, asma_update, ledger, objective};
use asma::program::{BufferId, Builder, CallId, Executor, Place};
use asma::wgpu;

use super::inputs::{BETA, CLASSES, Inputs, LAMBDA, Results, TAU};

const RING_ROWS: usize = 2;

pub struct Fused {
    executor: GpuExecutor,
    seed: BufferId,
    adversarial: BufferId,
    ledger: BufferId,
    /// First word of the trace's rows in the ledger.
    ring_start: usize,
    /// Calls of an even and of an odd iteration.
    iterations: [[CallId; 2]; 2],
    /// Of the image.
    pixels: usize,
}

impl Fused {
    pub fn new(gpu: GpuDevice, options: &GpuOptions, inputs: &Inputs) -> Result<Fused> {
        let mut program = Builder::new();
        let logits = program.add_tensor("logits", inputs.output_shape());
        let seed = program.add_tensor("seed", inputs.output_shape());
        let gradient = program.add_tensor("gradient", inputs.input_shape());
        let source = program.add_tensor("source image", inputs.input_shape());
        let adversarial = program.add_tensor("adversarial image", inputs.input_shape());
        let best = program.add_tensor("best image", inputs.input_shape());
        let target = program.add_buffer("target", inputs.target.len());
        // Both classes are attacked; of two classes the foreground's IoU counts.
        let bits = [
            ledger::CLASS_ATTACKED,
            ledger::CLASS_ATTACKED | ledger::CLASS_AVERAGED,
        ];
        let classes = program.add_constant("classes", bits.map(f32::from_bits).to_vec());
        let counts = program.add_buffer("counts", 2 * ledger::counts_length(CLASSES));
        let extent = Extent::from(inputs.input_shape());
        let ledger_length = asma_update::Params::ledger_length(extent, RING_ROWS);
        let ledger = program.add_buffer("ledger", ledger_length);

        let iterations = [0, 1].map(|parity| {
            let mask = program.add_call(
                "mask",
                mask_params(logits, seed, parity),
                &[logits.buffer, target, classes],
                &[seed.buffer, counts],
            );
            let update = program.add_call(
                "update",
                update_params(extent, ledger_length, parity),
                [Some(gradient.buffer), Some(source.buffer), None, Some(classes)],
                [adversarial.buffer, best.buffer, counts, ledger],
            );
            [mask, update]
        });

        let mut executor = GpuExecutor::new(gpu, &program.finish()?, options)?;
        executor.write(logits.buffer, &inputs.logits)?;
        executor.write_words(target, 0, &inputs.target)?;
        executor.write(gradient.buffer, &inputs.gradient)?;
        executor.write(source.buffer, &inputs.source)?;
        executor.write(adversarial.buffer, &inputs.adversarial)?;
        executor.write_words(ledger, 0, &ledger_header())?;
        Ok(Fused {
            executor,
            seed: seed.buffer,
            adversarial: adversarial.buffer,
            ledger,
            ring_start: asma_update::Params::ring_start(extent),
            iterations,
            pixels: inputs.size * inputs.size,
        })
    }

    /// Records iterations, an even number of them, in one compute pass.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, iterations: usize) {
        let two = self.iterations.as_flattened();
        self.executor.encode(encoder, &two.repeat(iterations / 2));
    }

    /// Runs the first two iterations. Statistics of an image stand in the row of the next iteration, so those
    /// of the second one are not known yet.
    pub fn first_two(&mut self) -> Result<(Results, Vec<f32>)> {
        let [even, odd] = self.iterations;
        self.executor.submit(&even)?;
        let seed = self.executor.read(self.seed, 2 * self.pixels)?;
        let first_image = self.executor.read(self.adversarial, 3 * self.pixels)?;
        self.executor.submit(&odd)?;
        let second_image = self.executor.read(self.adversarial, 3 * self.pixels)?;
        let rows =
            self.executor
                .request_words(self.ledger, self.ring_start, RING_ROWS * asma_update::ROW_LENGTH)?;
        let rows: Vec<f32> = bytemuck::cast_vec(rows.receive()?);
        let (first, second) = rows.split_at(asma_update::ROW_LENGTH);
        let results = Results {
            iou: first[1],
            pixel_accuracy: first[2],
            l2: second[3],
            linf: second[4],
            seed,
            adversarial: first_image,
        };
        Ok((results, second_image))
    }
}

/// Bytes that one iteration must move: logits, target, gradient, source and image read; seed and image
/// written. All else is a few words for each workgroup.
pub fn bytes(inputs: &Inputs) -> u64 {
    let pixels = (inputs.size * inputs.size) as u64;
    let classes = CLASSES as u64;
    let elements = inputs.source.len() as u64;
    4 * (pixels * (classes + 1 + classes) + elements * 4)
}

fn mask_params(logits: Place, seed: Place, parity: u32) -> objective::Params {
    objective::Params {
        logits: logits.view,
        seed: seed.view,
        extent: logits.shape.into(),
        class_count: CLASSES as u32,
        objective: objective::LOGIT,
        flags: objective::WRITE_SEED | objective::COUNT | objective::ADAPTIVE,
        parity,
        counts_length: ledger::counts_length(CLASSES) as u32,
        schedule_rows: 0,
    }
}

fn update_params(extent: Extent, ledger_length: usize, parity: u32) -> asma_update::Params {
    use asma_update::{CLIP, MULTIPLIER_FROM_COUNTS, SETTLE, STEP};
    asma_update::Params {
        extent,
        class_count: CLASSES as u32,
        flags: SETTLE | STEP | CLIP | MULTIPLIER_FROM_COUNTS,
        parity,
        lambda: LAMBDA,
        ring_rows: RING_ROWS as u32,
        ledger_length: ledger_length as u32,
        counts_length: ledger::counts_length(CLASSES) as u32,
    }
}

/// Settings, and a state before the first iteration that never stops.
fn ledger_header() -> [u32; asma_update::HEADER] {
    use asma_update::{
        BETA as BETA_WORD, STATE, STATE_BEST_IOU, STATE_MULTIPLIER, STOP_IOU, TAU as TAU_WORD,
    };
    let mut header = [0; asma_update::HEADER];
    header[TAU_WORD] = TAU.to_bits();
    header[BETA_WORD] = BETA.to_bits();
    header[STOP_IOU] = 2.0f32.to_bits();
    header[STATE + STATE_BEST_IOU] = (-1.0f32).to_bits();
    header[STATE + STATE_MULTIPLIER] = TAU.to_bits();
    header
}
