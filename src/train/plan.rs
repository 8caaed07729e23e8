//! Training as a program: the network's forward calls, the loss, its adjoint, the adjoint calls down to the
//! gradients of all parameters, and the optimiser.

use std::sync::Arc;

use super::config::TrainingConfig;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernels::{Extent, View, adam, channel_sums, loss_gradient, loss_sums, sum_partials};
use crate::labels::IGNORE;
use crate::network::{Gradients, LoweringOptions, Trainable, lower_open};
use crate::program::{BufferId, Builder, CallId, Executor, Place, Program, Readback};
use crate::tensor::{Shape, Tensor};

/// A training step on a network at one batch size, ready for an executor.
#[derive(Clone, Debug)]
pub struct TrainingPlan {
    program: Arc<Program>,
    input: Place,
    logits: Place,
    trainable: Trainable,
    labels: BufferId,
    totals: BufferId,
    squared_norm: BufferId,
    step: BufferId,
    moments: [BufferId; 2],
    config: TrainingConfig,
    /// The forward calls and the sums of the loss.
    assess: Vec<CallId>,
    /// All calls but the optimiser's.
    differentiate: Vec<CallId>,
    /// All calls.
    train: Vec<CallId>,
}

/// What a training step tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The loss of the batch, before the step.
    pub loss: f64,
    /// The norm of the gradient of all parameters together, before it is clipped.
    pub gradient_norm: f64,
}

/// The numbers of a step that were asked for and may not have arrived yet.
#[derive(Debug)]
pub struct PendingStep {
    totals: Readback,
    squared_norm: Option<Readback>,
}

impl TrainingPlan {
    /// Plans the training of `graph` on batches of shape `input`.
    ///
    /// # Errors
    /// If the settings cannot be, the network has fewer than two classes or cannot take this size.
    pub fn new(graph: &Graph, input: Shape, config: TrainingConfig) -> Result<TrainingPlan> {
        let options = LoweringOptions {
            gradients: Gradients::Parameters,
            ..LoweringOptions::default()
        };
        let mut network = lower_open(graph, input, options)?;
        let (Some(seed), Some(trainable)) = (network.seed, network.trainable.take()) else {
            return Err(Error::Network(
                "the network was lowered without its adjoint".into(),
            ));
        };
        let logits = network.logits;
        let classes = logits.shape.c;
        if classes < 2 {
            return Err(Error::Network(format!(
                "the network has {classes} output channel; training wants at least 2 classes, the background \
                 one of them"
            )));
        }
        if classes > usize::from(IGNORE) {
            return Err(Error::Network(format!(
                "the network has {classes} output channels; training takes at most {IGNORE} classes"
            )));
        }
        if logits.shape.h > input.h || logits.shape.w > input.w {
            return Err(Error::Network(format!(
                "the network makes {} of an input of {input}, and there are labels for the input's pixels only; \
                 train a network whose output is no larger than its input",
                logits.shape
            )));
        }
        config.check(classes)?;
        let class_weights = match config.loss.class_weights.is_empty() {
            true => vec![1.0; classes],
            false => config.loss.class_weights.clone(),
        };

        let program = &mut network.program;
        let extent = Extent::from(logits.shape);
        let labels = program.add_buffer("labels", logits.shape.n * logits.shape.pixels());
        let class_weights = program.add_constant("class weights", class_weights);
        let totals = program.add_buffer("sums of the loss", classes * loss_sums::TERMS);
        let squared_norm = program.add_buffer("squared norm of the gradient", 1);
        let step = program.add_buffer("learning rate", adam::STEP_LENGTH);
        let moments =
            ["first", "second"].map(|which| program.add_buffer(format!("{which} moments"), trainable.count));

        let assess_first = program.calls().len();
        let sums = loss_sums::Params::chunked(logits.view, extent);
        let length = classes * loss_sums::TERMS;
        add_sums(
            program,
            "loss",
            sums,
            sums.chunks(),
            &[logits.buffer, labels, class_weights],
            totals,
            length,
        );
        let gradient_first = program.calls().len();
        program.add_call(
            "loss adjoint",
            loss_gradient::Params {
                logits: logits.view,
                output: seed.view,
                extent,
                cross_entropy: config.loss.cross_entropy,
                dice: config.loss.dice,
                smoothing: config.loss.smoothing,
            },
            &[logits.buffer, labels, class_weights, totals],
            &[seed.buffer],
        );
        let optimiser_first = program.calls().len();
        let all = Shape::new(1, 1, 1, trainable.count);
        let norm = channel_sums::Params::chunked(
            View::dense(all),
            View::dense(all),
            all.into(),
            channel_sums::PRODUCT,
        );
        add_sums(
            program,
            "gradient norm",
            norm,
            norm.chunks(),
            &[trainable.gradient, trainable.gradient],
            squared_norm,
            1,
        );
        let adam_call = program.add_call(
            "optimiser",
            adam::Params {
                length: trainable.count as u32,
                beta_1: config.beta[0] as f32,
                beta_2: config.beta[1] as f32,
                one_minus_beta_1: (1.0 - config.beta[0]) as f32,
                one_minus_beta_2: (1.0 - config.beta[1]) as f32,
                epsilon: config.epsilon as f32,
                decay: config.weight_decay as f32,
                most_norm: config.most_norm as f32,
            },
            &[trainable.gradient, squared_norm, step],
            &[trainable.weights, moments[0], moments[1]],
        );

        let forward: Vec<CallId> = network.forward.collect();
        let assess: Vec<CallId> = forward
            .iter()
            .copied()
            .chain(assess_first..gradient_first)
            .collect();
        let differentiate: Vec<CallId> = assess
            .iter()
            .copied()
            .chain(gradient_first..optimiser_first)
            .chain(network.adjoint)
            .chain(optimiser_first..adam_call)
            .collect();
        let train = differentiate.iter().copied().chain([adam_call]).collect();
        Ok(TrainingPlan {
            program: Arc::new(network.program.finish()?),
            input: network.input,
            logits,
            trainable,
            labels,
            totals,
            squared_norm,
            step,
            moments,
            config,
            assess,
            differentiate,
            train,
        })
    }

    /// The program, for an executor.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The settings.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// The shape of a batch.
    pub fn input(&self) -> Shape {
        self.input.shape
    }

    /// The shape of a batch's logits, and of its labels but for the channels.
    pub fn output(&self) -> Shape {
        self.logits.shape
    }

    /// Numbers of all parameters together.
    pub fn parameter_count(&self) -> usize {
        self.trainable.count
    }

    /// All calls of a training step, in order.
    pub fn calls(&self) -> &[CallId] {
        &self.train
    }

    /// Writes the graph's own parameters, from which training begins, and moments of 0.
    ///
    /// # Errors
    /// If the device failed.
    pub fn prepare(&self, executor: &mut dyn Executor) -> Result<()> {
        executor.write(self.trainable.weights, &self.trainable.initial)?;
        let zeros = vec![0.0; self.trainable.count];
        self.moments
            .iter()
            .try_for_each(|&moment| executor.write(moment, &zeros))
    }

    /// Overwrites parameters, first and second moments, each of [`TrainingPlan::parameter_count`] numbers.
    ///
    /// # Errors
    /// If there are not as many numbers, or the device failed.
    pub fn write_state(&self, executor: &mut dyn Executor, state: [&[f32]; 3]) -> Result<()> {
        if let Some(values) = state.iter().find(|values| values.len() != self.trainable.count) {
            return Err(Error::Usage(format!(
                "{} parameters or moments were given; want {}",
                values.len(),
                self.trainable.count
            )));
        }
        let buffers = [self.trainable.weights, self.moments[0], self.moments[1]];
        buffers
            .into_iter()
            .zip(state)
            .try_for_each(|(buffer, values)| executor.write(buffer, values))
    }

    /// Parameters, first and second moments as they stand after all that was submitted.
    ///
    /// # Errors
    /// If the device failed.
    pub fn read_state(&self, executor: &mut dyn Executor) -> Result<[Vec<f32>; 3]> {
        let count = self.trainable.count;
        Ok([
            executor.read(self.trainable.weights, count)?,
            executor.read(self.moments[0], count)?,
            executor.read(self.moments[1], count)?,
        ])
    }

    /// The gradient of all parameters after [`TrainingPlan::step`] or [`TrainingPlan::differentiate`], in the
    /// order of the graph.
    ///
    /// # Errors
    /// If the device failed.
    pub fn read_gradient(&self, executor: &mut dyn Executor) -> Result<Vec<f32>> {
        executor.read(self.trainable.gradient, self.trainable.count)
    }

    fn write_batch(&self, executor: &mut dyn Executor, images: &[f32], labels: &[u32]) -> Result<()> {
        let wanted = (
            self.input.shape.elements(),
            self.output().n * self.output().pixels(),
        );
        if (images.len(), labels.len()) != wanted {
            return Err(Error::Usage(format!(
                "a batch of {} image numbers and {} labels was given; want {} and {}",
                images.len(),
                labels.len(),
                wanted.0,
                wanted.1
            )));
        }
        executor.write(self.input.buffer, images)?;
        executor.write_words(self.labels, 0, labels)
    }

    /// Writes what [`TrainingPlan::calls`] read in step `t`, for those who run the calls themselves; see
    /// [`TrainingPlan::step`].
    ///
    /// # Errors
    /// If there are not as many numbers as in a batch, or the device failed.
    pub fn write_step(
        &self,
        executor: &mut dyn Executor,
        images: &[f32],
        labels: &[u32],
        t: u32,
        learning_rate: f64,
    ) -> Result<()> {
        self.write_batch(executor, images, labels)?;
        executor.write(self.step, &adam::step_words(t, learning_rate, self.config.beta))
    }

    /// Submits step `t`, counted from 1, on a batch: images in the order of [`TrainingPlan::input`], a label for
    /// each pixel of [`TrainingPlan::output`].
    ///
    /// # Errors
    /// If there are not as many numbers, or the device failed.
    pub fn step(
        &self,
        executor: &mut dyn Executor,
        images: &[f32],
        labels: &[u32],
        t: u32,
        learning_rate: f64,
    ) -> Result<PendingStep> {
        self.write_step(executor, images, labels, t, learning_rate)?;
        executor.submit(&self.train)?;
        self.request(executor, true)
    }

    /// Computes loss and gradients of a batch, and changes no parameter.
    ///
    /// # Errors
    /// If there are not as many numbers, or the device failed.
    pub fn differentiate(
        &self,
        executor: &mut dyn Executor,
        images: &[f32],
        labels: &[u32],
    ) -> Result<StepReport> {
        self.write_batch(executor, images, labels)?;
        executor.submit(&self.differentiate)?;
        let pending = self.request(executor, true)?;
        self.receive(pending)
    }

    /// The loss of a batch and its logits.
    ///
    /// # Errors
    /// If there are not as many numbers, or the device failed.
    pub fn assess(
        &self,
        executor: &mut dyn Executor,
        images: &[f32],
        labels: &[u32],
    ) -> Result<(f64, Tensor)> {
        self.write_batch(executor, images, labels)?;
        executor.submit(&self.assess)?;
        let pending = self.request(executor, false)?;
        let loss = self.receive(pending)?.loss;
        let length = self.program.buffers()[self.logits.buffer.0].length;
        let words = executor.read(self.logits.buffer, length)?;
        Ok((loss, self.logits.gather(&words)))
    }

    fn request(&self, executor: &mut dyn Executor, norm: bool) -> Result<PendingStep> {
        let length = self.output().c * loss_sums::TERMS;
        Ok(PendingStep {
            totals: executor.request_words(self.totals, 0, length)?,
            squared_norm: match norm {
                true => Some(executor.request_words(self.squared_norm, 0, 1)?),
                false => None,
            },
        })
    }

    /// Waits for the numbers of a step.
    ///
    /// # Errors
    /// If the device failed.
    pub fn receive(&self, pending: PendingStep) -> Result<StepReport> {
        let totals: Vec<f32> = bytemuck::cast_vec(pending.totals.receive()?);
        let squared_norm = match pending.squared_norm {
            Some(readback) => f32::from_bits(readback.receive()?[0]),
            None => 0.0,
        };
        Ok(StepReport {
            loss: self.loss(&totals),
            gradient_norm: f64::from(squared_norm).sqrt(),
        })
    }

    /// The loss that these sums make up, see [`loss_sums`].
    fn loss(&self, totals: &[f32]) -> f64 {
        let loss = &self.config.loss;
        let of_class =
            |class: &[f32]| -> [f64; loss_sums::TERMS] { std::array::from_fn(|term| class[term].into()) };
        let classes: Vec<_> = totals.chunks_exact(loss_sums::TERMS).map(of_class).collect();
        let sum = |term: usize| classes.iter().map(|class| class[term]).sum::<f64>();
        let weight = sum(1);
        let cross_entropy = if weight > 0.0 { sum(0) / weight } else { 0.0 };
        let smoothing = f64::from(loss.smoothing);
        let dice: f64 = classes[1..]
            .iter()
            .map(|class| (2.0 * class[2] + smoothing) / (class[3] + class[4] + smoothing))
            .sum();
        let dice_loss = 1.0 - dice / (classes.len() - 1) as f64;
        f64::from(loss.cross_entropy) * cross_entropy + f64::from(loss.dice) * dice_loss
    }
}

/// Adds a call that sums in chunks, and the call that adds the `length` partial sums of each up into `totals`.
fn add_sums(
    program: &mut Builder,
    label: &'static str,
    params: impl Into<crate::kernels::Params>,
    chunks: u32,
    reads: &[BufferId],
    totals: BufferId,
    length: usize,
) {
    let partials = program.add_buffer(format!("partial sums of {label}"), chunks as usize * length);
    program.add_call(label, params, reads, &[partials]);
    program.add_call(
        format!("{label}, summed"),
        sum_partials::Params {
            length: length as u32,
            chunks,
            offset: 0,
            accumulate: 0,
        },
        &[partials],
        &[totals],
    );
}
