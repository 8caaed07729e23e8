//! The attack as a program: the network's calls with the two halves of the ASMA step between and after them.

use std::ops::Range;
use std::sync::Arc;

use super::config::{AsmaConfig, MaskMode, Multiplier, Objective, Schedule};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernels::{Extent, View, asma_mask, asma_update, prediction};
use crate::labels::scored_classes;
use crate::network::rewrite::{Middle, fuse_mask};
use crate::network::{LoweringOptions, Network, lower_open};
use crate::program::{BufferId, Builder, CallId, Condition, Place, Program};
use crate::tensor::Shape;

/// Rows of the trace that stay on the device until the host has read them.
pub(super) const RING_ROWS: usize = 1024;

/// Where the attack's own tensors stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffers {
    pub(super) source: BufferId,
    pub(super) target: BufferId,
    pub(super) region: Option<BufferId>,
    pub(super) classes: BufferId,
    pub(super) best: BufferId,
    pub(super) counts: BufferId,
    pub(super) ledger: BufferId,
    /// The class of each pixel of the last forward pass, see [`prediction`].
    pub(super) predictions: BufferId,
}

/// An attack on a network at one input size, ready for an executor.
///
/// The two levels of use: [`Attack::run`] is the blocking loop; who records into an encoder of their own calls
/// [`Attack::prepare`] and then records what the [`Iterations`](super::Iterations) that it gives hand out, with
/// [`GpuExecutor::encode`](crate::gpu::GpuExecutor::encode).
#[derive(Clone, Debug)]
pub struct Attack {
    pub(super) config: AsmaConfig,
    pub(super) buffers: Buffers,
    pub(super) class_count: usize,
    /// Where the gradient of the network's input stands.
    pub(super) gradient: Place,
    program: Arc<Program>,
    forward: Range<CallId>,
    adversarial: Place,
    logits: Place,
    /// Calls that only compute the seed and the gradient, for the automatic step size.
    pub(super) first_gradient: Vec<CallId>,
    /// Calls of an even and of an odd iteration.
    pub(super) iterations: [Arc<[CallId]>; 2],
    /// The call that writes the predictions of the last forward pass.
    pub(super) predict: CallId,
}

impl Attack {
    /// Plans the attack on `graph` for images of shape `input`, a batch of samples that each go their own
    /// way. With `region`, only pixels of a mask given later may change.
    ///
    /// # Errors
    /// If the settings cannot be, or the network cannot take this size.
    pub fn new(graph: &Graph, input: Shape, config: AsmaConfig, region: bool) -> Result<Attack> {
        let options = LoweringOptions {
            precision: config.precision,
            ..LoweringOptions::default()
        };
        let mut network = lower_open(graph, input, options)?;
        let (Some(seed), Some(gradient)) = (network.seed, network.gradient) else {
            return Err(Error::Network(
                "the network was lowered without its adjoint".into(),
            ));
        };
        let output = network.logits.shape;
        // One channel stands for two classes.
        let class_count = output.c.max(2);
        config.check(class_count)?;

        let program = &mut network.program;
        let image = Extent::from(input);
        let ledger_length = asma_update::Params::ledger_length(image, RING_ROWS);
        let counts_length = 2 * asma_mask::counts_length(class_count);
        let buffers = Buffers {
            source: program.add_buffer("source image", input.elements()),
            target: program.add_buffer("target", output.n * output.pixels()),
            region: region.then(|| program.add_buffer("region", input.n * input.pixels())),
            classes: program.add_constant("classes", class_bits(&config, class_count)),
            best: program.add_buffer("best adversarial image", input.elements()),
            counts: program.add_buffer("counts", input.n * counts_length),
            ledger: program.add_buffer("ledger", input.n * ledger_length),
            predictions: program.add_buffer("predictions", prediction::Params::words(output.into())),
        };
        let mut planner = Planner {
            config: &config,
            network,
            buffers,
            class_count,
            seed,
            gradient,
        };
        let first_gradient = planner.add_first_gradient();
        let predict = planner.add_predict();
        let iterations = [0, 1].map(|parity| match config.schedule {
            Schedule::OneForward => planner.add_one_forward(parity).into(),
            Schedule::TwoForward => planner.add_two_forward(parity).into(),
        });
        let network = planner.network;
        Ok(Attack {
            config,
            buffers,
            class_count,
            gradient,
            program: Arc::new(network.program.finish()?),
            forward: network.forward,
            adversarial: network.input,
            logits: network.logits,
            first_gradient,
            iterations,
            predict,
        })
    }

    /// The settings.
    pub fn config(&self) -> &AsmaConfig {
        &self.config
    }

    /// The program that an executor must hold to run this attack.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// What one iteration consists of, to be counted, timed or tuned. What is to be run is handed out by
    /// [`Attack::prepare`].
    pub fn calls(&self) -> &[CallId] {
        &self.iterations[0]
    }

    /// The calls of a forward pass of what stands in [`Attack::adversarial`], to [`Attack::logits`].
    pub fn forward(&self) -> Vec<CallId> {
        self.forward.clone().collect()
    }

    /// Where the adversarial image stands, dense; it is the network's input.
    pub fn adversarial(&self) -> Place {
        self.adversarial
    }

    /// Where the image with the highest IoU so far stands, laid out as [`Attack::adversarial`].
    pub fn best(&self) -> Place {
        Place {
            buffer: self.buffers.best,
            ..self.adversarial
        }
    }

    /// Where the logits of the last forward pass stand.
    pub fn logits(&self) -> Place {
        self.logits
    }

    /// Classes that the network tells apart.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// The classes whose IoU is averaged.
    pub fn scored_classes(&self) -> Vec<u8> {
        scored_classes(self.class_count, &self.config.attacked(self.class_count))
    }
}

/// Adds the attack's calls to the network's.
struct Planner<'c> {
    config: &'c AsmaConfig,
    network: Network<Builder>,
    buffers: Buffers,
    class_count: usize,
    seed: Place,
    gradient: Place,
}

impl Planner<'_> {
    fn add_first_gradient(&mut self) -> Vec<CallId> {
        let mask = self.add_mask(asma_mask::WRITE_SEED, 0);
        let (forward, adjoint) = (self.network.forward.clone(), self.network.adjoint.clone());
        forward.chain([mask]).chain(adjoint).collect()
    }

    fn add_predict(&mut self) -> CallId {
        let logits = self.network.logits;
        let params = prediction::Params {
            logits: logits.view,
            extent: logits.shape.into(),
        };
        self.network.program.add_call(
            "prediction",
            params,
            &[logits.buffer],
            &[self.buffers.predictions],
        )
    }

    fn add_one_forward(&mut self, parity: u32) -> Vec<CallId> {
        let middle = self.add_middle(asma_mask::WRITE_SEED | asma_mask::COUNT, parity);
        let mut flags =
            asma_update::SETTLE | asma_update::STEP | asma_update::CLIP | asma_update::MULTIPLIER_FROM_COUNTS;
        if self.config.holds() {
            flags |= asma_update::HOLD;
        }
        if self.config.refines() {
            flags |= asma_update::REFINE;
        }
        let update = self.add_update(flags, parity);
        let Middle { before, mask, after } = middle;
        before
            .into_iter()
            .chain([mask])
            .chain(after)
            .chain([update])
            .collect()
    }

    fn add_two_forward(&mut self, parity: u32) -> Vec<CallId> {
        let Middle { before, mask, after } = self.add_middle(asma_mask::WRITE_SEED, parity);
        let step = self.add_update(asma_update::STEP, parity);
        let second = self.add_middle(asma_mask::COUNT, parity);
        let settle = self.add_update(asma_update::SETTLE | asma_update::CLIP, parity);
        // Where the last clip changed nothing, what the second forward pass left is what the first would compute.
        let clipped = self.clipped(parity);
        let first = self.network.program.repeat_if(&before, clipped);
        first
            .chain([mask])
            .chain(after)
            .chain([step])
            .chain(second.before)
            .chain([second.mask, settle])
            .collect()
    }

    /// What does `flags` between the network's forward and its adjoint calls: fused with the network's last
    /// convolution where it has a suitable one.
    fn add_middle(&mut self, flags: u32, parity: u32) -> Middle {
        let middle = Middle {
            before: self.network.forward.clone().collect(),
            mask: self.add_mask(flags, parity),
            after: self.network.adjoint.clone().collect(),
        };
        fuse_mask(&mut self.network.program, middle)
    }

    /// That the iteration before one of this parity clipped a value: of each sample, what the workgroups wrote.
    fn clipped(&self, parity: u32) -> Condition {
        let image = Extent::from(self.network.input.shape);
        let workgroups = asma_update::Params::workgroups(image);
        Condition {
            buffer: self.buffers.ledger,
            view: View {
                offset: asma_update::HEADER as u32 + parity * 2 * workgroups,
                batch: asma_update::Params::ledger_length(image, RING_ROWS) as u32,
                channel: 0,
                row: 2,
            },
            extent: Extent {
                n: image.n,
                c: 1,
                h: workgroups,
                w: 1,
            },
        }
    }

    fn mode_flags(&self) -> u32 {
        let adaptive = match self.config.mask {
            MaskMode::Adaptive => asma_mask::ADAPTIVE,
            MaskMode::Static => 0,
        };
        let margin = match self.config.objective {
            Objective::Logit => 0,
            Objective::Margin => asma_mask::MARGIN,
        };
        adaptive | margin
    }

    fn add_mask(&mut self, flags: u32, parity: u32) -> CallId {
        let logits = self.network.logits;
        self.network.program.add_call(
            "asma mask",
            asma_mask::Params {
                logits: logits.view,
                seed: self.seed.view,
                extent: logits.shape.into(),
                class_count: self.class_count as u32,
                flags: flags | self.mode_flags(),
                parity,
            },
            [logits.buffer, self.buffers.target, self.buffers.classes],
            [
                (flags & asma_mask::WRITE_SEED != 0).then_some(self.seed.buffer),
                Some(self.buffers.counts),
            ],
        )
    }

    fn add_update(&mut self, flags: u32, parity: u32) -> CallId {
        let mut flags = flags;
        if self.config.multiplier == Multiplier::Static {
            flags |= asma_update::STATIC_MULTIPLIER;
        }
        if self.buffers.region.is_some() {
            flags |= asma_update::REGION;
        }
        if self.config.cap.is_some() && flags & asma_update::STEP != 0 {
            flags |= asma_update::CAPPED;
        }
        let extent = Extent::from(self.network.input.shape);
        let buffers = self.buffers;
        self.network.program.add_call(
            "asma update",
            asma_update::Params {
                extent,
                class_count: self.class_count as u32,
                flags,
                parity,
                lambda: self.config.lambda,
                ring_rows: RING_ROWS as u32,
                ledger_length: asma_update::Params::ledger_length(extent, RING_ROWS) as u32,
            },
            [
                Some(self.gradient.buffer),
                Some(buffers.source),
                buffers.region,
                Some(buffers.classes),
            ],
            [
                self.network.input.buffer,
                buffers.best,
                buffers.counts,
                buffers.ledger,
            ],
        )
    }
}

/// The bits of each class, as words of a constant buffer.
fn class_bits(config: &AsmaConfig, class_count: usize) -> Vec<f32> {
    let attacked = config.attacked(class_count);
    let scored = scored_classes(class_count, &attacked);
    (0..class_count as u32)
        .map(|class| {
            let mut bits = 0;
            if attacked.contains(&(class as u8)) {
                bits |= asma_mask::CLASS_ATTACKED;
            }
            if scored.contains(&(class as u8)) {
                bits |= asma_mask::CLASS_AVERAGED;
            }
            f32::from_bits(bits)
        })
        .collect()
}
