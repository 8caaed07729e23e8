//! Two executors of one program, and how far they part.

use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::gpu::{GpuDevice, GpuExecutor, GpuOptions};
use asma::kernels::{Element, Extent, Params, View};
use asma::program::{BufferId, Call, CallId, Contents, Executor, Program};

/// What errors may pile up over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One call: before it, its buffers on the GPU are made the CPU's.
    Isolated,
    /// All calls so far.
    Running,
}

/// `|a − b| ≤ absolute + relative · |b|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    absolute: f32,
    relative: f32,
}

impl Mode {
    /// Of 32-bit sums in another order: of one call, whose values are around 1 and sums of at most some
    /// hundreds of terms; and of a whole pass.
    pub fn tolerance(self) -> Tolerance {
        match self {
            Mode::Isolated => Tolerance {
                absolute: 5e-6,
                relative: 5e-6,
            },
            Mode::Running => Tolerance {
                absolute: 5e-5,
                relative: 5e-5,
            },
        }
    }
}

impl Tolerance {
    /// The same for what is then stored as float16, where values within this tolerance may be rounded apart: by a
    /// step, of 2⁻¹⁰ of the number at most, and of 2⁻²⁴ below the normal numbers.
    fn of_halves(self) -> Tolerance {
        Tolerance {
            absolute: self.absolute + 6e-8,
            relative: self.relative + 1.0 / 1024.0,
        }
    }

    /// How many times the tolerance `a` is off `b`: above 1 is wrong.
    fn excess(self, a: f32, b: f32) -> f32 {
        if a.to_bits() == b.to_bits() {
            return 0.0;
        }
        let excess = (a - b).abs() / (self.absolute + self.relative * b.abs());
        if excess.is_nan() { f32::INFINITY } else { excess }
    }

    /// The same for words that are integers, or floats by their bits. Integers below 2²³ are subnormal
    /// floats, which must be equal.
    fn excess_of_words(self, a: f32, b: f32) -> f32 {
        match (a.is_normal() || a == 0.0) && b.is_normal() {
            true => self.excess(a, b),
            false if a.to_bits() == b.to_bits() => 0.0,
            false => f32::INFINITY,
        }
    }
}

/// The largest error so far and where it was.
#[derive(Clone, Debug, Default)]
pub struct Worst {
    excess: f32,
    place: String,
}

/// A program on both executors.
pub struct Lockstep {
    pub program: Arc<Program>,
    pub cpu: CpuExecutor,
    pub gpu: GpuExecutor,
    pub mode: Mode,
    pub worst: Worst,
    /// Pixels whose two largest logits were too close to tell which wins.
    pub flips: usize,
}

impl Lockstep {
    pub fn new(program: &Program, gpu: GpuDevice, options: &GpuOptions, mode: Mode) -> Lockstep {
        let program = Arc::new(program.clone());
        Lockstep {
            cpu: CpuExecutor::new(program.clone()).unwrap(),
            gpu: GpuExecutor::new(gpu, &program, options).unwrap(),
            program,
            mode,
            worst: Worst::default(),
            flips: 0,
        }
    }

    /// Writes floats on both.
    pub fn write(&mut self, buffer: BufferId, values: &[f32]) {
        self.cpu.write(buffer, values).unwrap();
        self.gpu.write(buffer, values).unwrap();
    }

    /// Makes a buffer on the GPU the CPU's, unless it is constant.
    pub fn copy_to_gpu(&mut self, buffer: BufferId) {
        if matches!(self.program.buffers()[buffer.0].contents, Contents::Constant(_)) {
            return;
        }
        let words = bytemuck::cast_slice(self.cpu.buffer(buffer));
        self.gpu.write_words(buffer, 0, words).unwrap();
    }

    /// Runs calls on both and compares all that each writes, and that it writes nothing else.
    pub fn run(&mut self, calls: &[CallId]) {
        let program = self.program.clone();
        for &id in calls {
            let call = &program.calls()[id];
            if self.mode == Mode::Isolated {
                for (_, buffer) in call.bound() {
                    self.copy_to_gpu(buffer);
                }
            }
            self.cpu.submit(&[id]).unwrap();
            self.gpu.submit(&[id]).unwrap();
            if self.mode == Mode::Running && logits_of(call).is_some() {
                self.settle_ties(id);
            }
            self.compare(id);
        }
    }

    fn compare(&mut self, id: CallId) {
        let call = &self.program.calls()[id];
        let written = call.writes();
        for (binding, buffer) in call
            .bound()
            .filter(|(_, buffer)| written.contains(&Some(*buffer)))
        {
            let name = binding.name;
            let tolerance = match self.program.buffers()[buffer.0].element {
                Element::Word => self.mode.tolerance(),
                Element::Half => self.mode.tolerance().of_halves(),
            };
            let wanted = self.cpu.buffer(buffer);
            let found = self.gpu.read(buffer, wanted.len()).unwrap();
            let words = matches!(name, "counts" | "ledger" | "search" | "selection");
            for (index, (&a, &b)) in found.iter().zip(wanted).enumerate() {
                let excess = if words {
                    tolerance.excess_of_words(a, b)
                } else {
                    tolerance.excess(a, b)
                };
                if excess > self.worst.excess {
                    let place = format!(
                        "call {id} `{}`, kernel {}, `{name}`[{index}]: {a} on the GPU, {b} on the CPU \
                         (bits {:x} and {:x})",
                        call.label,
                        call.params.kernel().entry_point,
                        a.to_bits(),
                        b.to_bits()
                    );
                    self.worst = Worst { excess, place };
                }
            }
        }
        let Worst { excess, place } = &self.worst;
        assert!(
            *excess <= 1.0,
            "{:?}: {excess} times the tolerance {:?} at {place}",
            self.mode,
            self.mode.tolerance()
        );
    }

    /// Where seeds differ after a call of the mask, the two largest logits must be closer than rounding can
    /// tell; then both go on with the CPU's decision.
    fn settle_ties(&mut self, id: CallId) {
        let call = self.program.calls()[id].clone();
        let Some((buffer, view, extent)) = logits_of(&call) else {
            return;
        };
        let tolerance = self.mode.tolerance();
        let logits = self.cpu.buffer(buffer);
        let gpu_logits = self.gpu.read(buffer, logits.len()).unwrap();
        let mut ties = 0;
        for n in 0..extent.n as usize {
            for y in 0..extent.h as usize {
                for x in 0..extent.w as usize {
                    let pixel = |logits: &[f32]| -> Vec<f32> {
                        (0..extent.c as usize)
                            .map(|c| logits[view.at(n, c, y, x)])
                            .collect()
                    };
                    let (cpu, gpu) = (pixel(logits), pixel(&gpu_logits));
                    if argmax(&cpu) != argmax(&gpu) {
                        let (a, b) = (cpu[argmax(&cpu)], cpu[argmax(&gpu)]);
                        let bound = 2.0 * (tolerance.absolute + tolerance.relative * a.abs());
                        assert!(
                            a - b <= bound,
                            "`{}`: pixel ({n}, {y}, {x}) has logits {cpu:?} on the CPU and {gpu:?} on the GPU",
                            call.label
                        );
                        ties += 1;
                    }
                }
            }
        }
        if ties > 0 {
            self.flips += ties;
            for &buffer in call.writes().iter().flatten() {
                self.copy_to_gpu(buffer);
            }
        }
    }

    /// Prints the largest error.
    pub fn report(&self, what: &str) {
        println!(
            "{what}, {:?}: largest error {:.3} of the tolerance, at {}; {} ties",
            self.mode, self.worst.excess, self.worst.place, self.flips
        );
    }
}

/// The logits that a call decides pixels by.
fn logits_of(call: &Call) -> Option<(BufferId, View, Extent)> {
    match call.params {
        Params::Objective(params) => Some((call.reads()[0]?, params.logits, params.extent)),
        Params::ObjectiveHead(params) => Some((call.writes()[2]?, params.logits, params.extent)),
        _ => None,
    }
}

fn argmax(logits: &[f32]) -> usize {
    (1..logits.len()).fold(0, |best, c| if logits[c] > logits[best] { c } else { best })
}

/// All buffers of a program, by their bits.
pub fn memory(executor: &mut dyn Executor, program: &Program) -> Vec<Vec<u32>> {
    (0..program.buffers().len())
        .map(|index| {
            let length = program.buffers()[index].length;
            let readback = executor.request_words(BufferId(index), 0, length).unwrap();
            readback.receive().unwrap()
        })
        .collect()
}

/// Asserts that two memories are equal, naming the buffer in which they differ.
#[track_caller]
pub fn assert_same_memory(what: &str, program: &Program, left: &[Vec<u32>], right: &[Vec<u32>]) {
    for ((buffer, left), right) in program.buffers().iter().zip(left).zip(right) {
        if let Some(index) = (0..left.len()).find(|&i| left[i] != right[i]) {
            panic!(
                "{what}: buffer `{}` differs at word {index}: {:x} and {:x}",
                buffer.name, left[index], right[index]
            );
        }
    }
}
