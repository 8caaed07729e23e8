//! Runs a [`Program`] on a GPU: one dispatch per call, all calls of a submission in one compute pass.

use std::task::{Context, Poll, Waker, ready};

use super::arrival::Arrival;
use super::ceilings;
use super::conditions::{Conditions, Place};
use super::device::GpuDevice;
use super::limits::{check_limits, padded_bytes};
use super::pacing::{Pacing, SUBMISSIONS_UNDER_WAY};
use super::pipelines::{Wanted, compile_all};
use super::timing::time_passes;
use super::transfer::{self, Window};
use super::variants::{VariantChoice, choose_way, specialise};
use crate::error::{Error, Result};
use crate::kernels::{Element, Specialisation};
use crate::program::{
    Arriving, Buffer, BufferId, Call, CallId, Ceilings, Contents, Executor, Program, Readback, no_such_buffer,
};

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Which variants of the kernels.
    pub variants: VariantChoice,
    /// Keep naga's run-time checks of bounds, loops and divisions in the shaders: slower, for tests.
    pub checked: bool,
}

/// A call made ready.
#[derive(Debug)]
struct Prepared {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    grid: [u32; 3],
    cost: f64,
    variant: &'static str,
    /// Of a call that does not always run.
    condition: Option<Place>,
}

/// Holds a program's buffers on a GPU and runs its calls.
///
/// To record calls into the host application's own command encoder, without any submission, poll or mapping,
/// use [`GpuExecutor::encode`].
#[derive(Debug)]
pub struct GpuExecutor {
    gpu: GpuDevice,
    buffers: Vec<wgpu::Buffer>,
    /// The program's buffers, without contents.
    descriptions: Vec<Buffer>,
    prepared: Vec<Prepared>,
    conditions: Option<Conditions>,
    pacing: Pacing,
    compiled_pipelines: usize,
}

/// A copy under way to a buffer of its own.
struct PendingReadback {
    gpu: GpuDevice,
    staging: wgpu::Buffer,
    mapped: Arrival<Result<(), wgpu::BufferAsyncError>>,
    window: Window,
}

/// Distance between the parameter structs in the uniform buffer: the largest offset alignment that any
/// device asks for.
const UNIFORM_SLOT: u64 = 256;

// Host applications keep executors in resources that threads share.
const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<GpuExecutor>()
};

impl GpuExecutor {
    /// Allocates the program's buffers on the device, uploads the constants and compiles the kernels.
    ///
    /// # Errors
    /// [`Error::Limit`] if a buffer does not fit the device's limits, before anything is allocated;
    /// [`Error::Device`] if the device fails.
    pub fn new(gpu: GpuDevice, program: &Program, options: &GpuOptions) -> Result<GpuExecutor> {
        let limits = gpu.device().limits();
        check_limits(program, &limits)?;
        check_elements(&gpu, program)?;
        let buffers = gpu.catch("allocating buffers", || {
            program
                .buffers()
                .iter()
                .map(|buffer| {
                    gpu.device().create_buffer(&wgpu::BufferDescriptor {
                        label: Some(&buffer.name),
                        size: padded_bytes(buffer),
                        usage: wgpu::BufferUsages::STORAGE
                            | wgpu::BufferUsages::COPY_SRC
                            | wgpu::BufferUsages::COPY_DST,
                        mapped_at_creation: false,
                    })
                })
                .collect::<Vec<_>>()
        })?;
        gpu.catch("uploading weights", || {
            for (buffer, description) in buffers.iter().zip(program.buffers()) {
                if let Contents::Constant(values) = &description.contents {
                    let bytes = transfer::to_device(description.element, bytemuck::cast_slice(values));
                    gpu.queue().write_buffer(buffer, 0, &bytes);
                    // Flushes wgpu's staging copy, so that no second copy of all weights piles up.
                    gpu.queue().submit([]);
                }
            }
        })?;
        let uniforms = gpu.catch("uploading parameters", || {
            upload_parameters(&gpu, program.calls())
        })?;
        // What a shader declares and a call does not take: one to read and one to write, which no dispatch may mix.
        let absent = gpu.catch("allocating buffers", || {
            ["absent, read", "absent, written"].map(|label| {
                gpu.device().create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size: 16,
                    usage: wgpu::BufferUsages::STORAGE,
                    mapped_at_creation: false,
                })
            })
        })?;
        let wanted = program
            .calls()
            .iter()
            .map(|call| {
                let specialisation = specialise(&gpu, program, call);
                let kernel = call.params.kernel();
                let way =
                    choose_way(&call.params, &specialisation, &options.variants, &gpu).ok_or_else(|| {
                        Error::Device(format!(
                            "kernel {} has no variant that this device runs",
                            kernel.entry_point
                        ))
                    })?;
                Ok(Wanted {
                    kernel,
                    way,
                    specialisation,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let (pipelines, compiled_pipelines) = compile_all(&gpu, &wanted, options.checked)?;
        let calls = program.calls().iter().zip(wanted).zip(pipelines);
        let mut prepared = calls
            .zip(0..)
            .map(|(((call, wanted), pipeline), index)| {
                let uniform = wgpu::BufferBinding {
                    buffer: &uniforms,
                    offset: index * UNIFORM_SLOT,
                    size: std::num::NonZeroU64::new(call.params.bytes().len() as u64),
                };
                let bindings = gpu.catch("binding buffers", || {
                    bind(&gpu, &pipeline.layout, uniform, call, &buffers, &absent)
                })?;
                Ok(Prepared {
                    pipeline: pipeline.pipeline,
                    bindings,
                    grid: wanted.way.grid,
                    cost: cost(call, &wanted.specialisation),
                    variant: wanted.way.name,
                    condition: None,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let conditions = prepare_conditions(&gpu, program, &mut prepared, &buffers)?;
        Ok(GpuExecutor {
            gpu,
            buffers,
            descriptions: program.buffers().iter().map(Buffer::without_contents).collect(),
            prepared,
            conditions,
            pacing: Pacing::new(),
            compiled_pipelines,
        })
    }

    /// The device this runs on.
    pub fn gpu(&self) -> &GpuDevice {
        &self.gpu
    }

    /// How many pipelines were compiled as it was built. Its device had kept the others: see [`GpuDevice`].
    pub fn compiled_pipelines(&self) -> usize {
        self.compiled_pipelines
    }

    /// The wgpu buffer behind a buffer of the program, to share with the host application's own passes. It
    /// has the usages STORAGE, COPY_SRC and COPY_DST, and is up to 15 bytes longer than the program's: whole vectors. It holds
    /// the elements as [`Buffer::element`](crate::program::Buffer::element) says: of float16, 2 bytes each.
    pub fn buffer(&self, id: BufferId) -> Option<&wgpu::Buffer> {
        self.buffers.get(id.0)
    }

    /// Records calls, in order, in one compute pass of the host application's encoder. Neither submits, polls
    /// nor maps. Calls that the program does not have are left out. Those that have a condition (in the two-forward
    /// schedule) are recorded as indirect dispatches, after a small one that decides on them.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, calls: &[CallId]) {
        self.encode_pass(encoder, calls, None);
    }

    /// What a call is expected to cost, in units that [`FrameBudget`](super::FrameBudget) counts in; 0 for a call that the program
    /// does not have.
    pub fn cost(&self, call: CallId) -> f64 {
        self.prepared.get(call).map_or(0.0, |call| call.cost)
    }

    fn encode_pass(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        calls: &[CallId],
        timestamp_writes: Option<wgpu::ComputePassTimestampWrites<'_>>,
    ) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("asma"),
            timestamp_writes,
        });
        let mut decided = None;
        for call in calls.iter().filter_map(|&call| self.prepared.get(call)) {
            let conditional = self.conditions.as_ref().zip(call.condition);
            let condition = conditional.map(|(_, place)| place.condition);
            if let Some((conditions, place)) = conditional
                && condition != decided
            {
                conditions.decide(&mut pass, place.condition);
            }
            // Whatever runs in between may change what the next decision is made on.
            decided = condition;
            pass.set_pipeline(&call.pipeline);
            pass.set_bind_group(0, &call.bindings, &[]);
            match conditional {
                Some((conditions, place)) => conditions.dispatch(&mut pass, place),
                None => {
                    let [x, y, z] = call.grid;
                    pass.dispatch_workgroups(x, y, z);
                }
            }
        }
    }

    /// A buffer that holds these words, with what the program says of it.
    pub(super) fn check_range(
        &self,
        id: BufferId,
        start: usize,
        length: usize,
    ) -> Result<(&wgpu::Buffer, &Buffer)> {
        let (Some(buffer), Some(description)) = (self.buffers.get(id.0), self.descriptions.get(id.0)) else {
            return Err(no_such_buffer(id, self.buffers.len()));
        };
        description.check_range(start, length)?;
        Ok((buffer, description))
    }
}

impl Executor for GpuExecutor {
    fn describe(&self) -> String {
        self.gpu.describe()
    }

    fn batches_under_way(&self) -> usize {
        SUBMISSIONS_UNDER_WAY
    }

    fn write_words(&mut self, buffer: BufferId, start: usize, words: &[u32]) -> Result<()> {
        let (target, description) = self.check_range(buffer, start, words.len())?;
        description.check_writable()?;
        let element = description.element;
        let end = start + words.len();
        // A copy is of whole words of the device.
        if element == Element::Half
            && !(start.is_multiple_of(2) && (end.is_multiple_of(2) || end == description.length))
        {
            return Err(Error::Usage(format!(
                "elements {start} to {end} of a buffer of float16 are to be written; begin at an even one, and end \
                 before an even one or at the buffer's end"
            )));
        }
        let bytes = transfer::to_device(element, words);
        self.gpu.catch("writing a buffer", || {
            let offset = element.bytes() * start as u64;
            self.gpu.queue().write_buffer(target, offset, &bytes);
        })
    }

    fn submit_some(&mut self, calls: &[CallId]) -> Result<usize> {
        let mut context = Context::from_waker(Waker::noop());
        if self.poll_room(&mut context)?.is_pending() {
            return Ok(0);
        }
        let budget = self.pacing.budget();
        let mut cost = 0.0;
        let mut count = 0;
        for call in calls {
            let next = self.cost(*call);
            if count > 0 && cost + next > budget {
                break;
            }
            cost += next;
            count += 1;
        }
        if count == 0 {
            return Ok(0);
        }
        self.pacing.begins();
        let submission = self.gpu.catch("submitting work", || {
            let mut encoder = self.gpu.device().create_command_encoder(&Default::default());
            self.encode(&mut encoder, &calls[..count]);
            self.gpu.queue().submit([encoder.finish()]);
            let (sender, done) = Arrival::new();
            self.gpu.queue().on_submitted_work_done(move || sender.send(()));
            done
        })?;
        self.pacing.submitted(submission, cost);
        Ok(count)
    }

    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.pacing.poll_room(&self.gpu, context)
    }

    fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>> {
        time_passes(&self.gpu, calls.len(), |encoder, number, timestamps| {
            self.encode_pass(encoder, &calls[number..=number], timestamps);
        })
    }

    fn variant(&self, call: CallId) -> &'static str {
        self.prepared.get(call).map_or("", |call| call.variant)
    }

    fn measure_ceilings(&mut self) -> Result<Ceilings> {
        ceilings::measure(&self.gpu)
    }

    fn request_words(&mut self, buffer: BufferId, start: usize, length: usize) -> Result<Readback> {
        let (source, description) = self.check_range(buffer, start, length)?;
        let window = Window::new(description.element, start, length);
        let size = window.bytes();
        let (sender, mapped) = Arrival::new();
        let staging = self.gpu.catch("reading a buffer", || {
            let staging = self.gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let mut encoder = self.gpu.device().create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(source, window.offset(), &staging, 0, size);
            self.gpu.queue().submit([encoder.finish()]);
            staging.map_async(wgpu::MapMode::Read, .., move |result| sender.send(result));
            staging
        })?;
        Ok(Readback::new(PendingReadback {
            gpu: self.gpu.clone(),
            staging,
            mapped,
            window,
        }))
    }
}

impl Arriving for PendingReadback {
    fn poll_words(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<u32>>> {
        self.gpu.heard(context)?;
        let mapped = ready!(self.mapped.poll(&self.gpu, context))?;
        Poll::Ready(self.copied(mapped))
    }
}

impl PendingReadback {
    fn copied(&self, mapped: Result<(), wgpu::BufferAsyncError>) -> Result<Vec<u32>> {
        let failed = |problem: String| Error::Device(format!("reading a buffer back failed: {problem}"));
        mapped.map_err(|error| failed(error.to_string()))?;
        let words = {
            let mapped = self
                .staging
                .get_mapped_range(..)
                .map_err(|error| failed(error.to_string()))?;
            self.window.words(&mapped[..])
        };
        self.staging.unmap();
        Ok(words)
    }
}

/// Whether the device can store what `program` does, and its kernels take it.
fn check_elements(gpu: &GpuDevice, program: &Program) -> Result<()> {
    let half = |buffer: &&Buffer| buffer.element == Element::Half;
    if let Some(buffer) = program.buffers().iter().find(half)
        && !gpu.has_float16()
    {
        return Err(Error::Device(format!(
            "`{}` is to be stored as float16, which {} cannot; use float32",
            buffer.name,
            gpu.info().name
        )));
    }
    Ok(())
}

/// What a call is expected to cost, in floating-point operations or the memory traffic that takes as long.
fn cost(call: &Call, specialisation: &Specialisation) -> f64 {
    // A launch, and for kernels that count no operations some tens of them for each of the threads.
    const LAUNCH: f64 = 1e5;
    let [x, y, z] = call
        .params
        .ways(specialisation)
        .first()
        .map_or([0; 3], |way| way.grid);
    let threads = 64.0 * x as f64 * y as f64 * z as f64;
    LAUNCH + (call.params.flops() as f64).max(50.0 * threads)
}

/// Prepares what decides on the calls that do not always run, if there are any.
fn prepare_conditions(
    gpu: &GpuDevice,
    program: &Program,
    prepared: &mut [Prepared],
    buffers: &[wgpu::Buffer],
) -> Result<Option<Conditions>> {
    let conditional: Vec<_> = program
        .calls()
        .iter()
        .zip(prepared)
        .filter_map(|(call, prepared)| Some((call.condition?, prepared)))
        .collect();
    // On DX12 wgpu tells shaders of an indirect dispatch no number of workgroups, by which they find their pixels.
    // What a condition leaves out may as well run.
    if conditional.is_empty() || gpu.info().backend == wgpu::Backend::Dx12 {
        return Ok(None);
    }
    let calls: Vec<_> = conditional
        .iter()
        .map(|(condition, prepared)| (*condition, prepared.grid))
        .collect();
    let (conditions, places) = Conditions::new(gpu, &calls, buffers)?;
    for ((_, prepared), place) in conditional.into_iter().zip(places) {
        prepared.condition = Some(place);
    }
    Ok(Some(conditions))
}

fn upload_parameters(gpu: &GpuDevice, calls: &[Call]) -> wgpu::Buffer {
    let mut bytes = vec![0; calls.len().max(1) * UNIFORM_SLOT as usize];
    for (call, slot) in calls.iter().zip(bytes.chunks_mut(UNIFORM_SLOT as usize)) {
        let params = call.params.bytes();
        slot[..params.len()].copy_from_slice(&params);
    }
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("parameters"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&buffer, 0, &bytes);
    buffer
}

fn bind(
    gpu: &GpuDevice,
    layout: &wgpu::BindGroupLayout,
    uniform: wgpu::BufferBinding<'_>,
    call: &Call,
    buffers: &[wgpu::Buffer],
    [read, written]: &[wgpu::Buffer; 2],
) -> wgpu::BindGroup {
    let bound = |absent| move |id: &Option<BufferId>| id.map_or(absent, |id| &buffers[id.0]);
    let reads = call.reads().iter().map(bound(read));
    let storage = reads
        .chain(call.writes().iter().map(bound(written)))
        .map(wgpu::Buffer::as_entire_binding);
    let entries: Vec<_> = std::iter::once(wgpu::BindingResource::Buffer(uniform))
        .chain(storage)
        .zip(0..)
        .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
        .collect();
    gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(&call.label),
        layout,
        entries: &entries,
    })
}
