//! Random calls of kernels, run by both executors and compared.

use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions, VariantChoice};
use asma::kernels::{Extent, KernelParams, Params, Specialisation, Traits, Vendor, View, Way};
use asma::program::{BufferId, Builder, Executor, Program};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::common::{gpu_is_required, shared_gpu};

/// Rounds of random parameters per test.
pub const ROUNDS: usize = 24;

/// Cases in a row for which the same choice of buffers is float16.
const BLOCK: usize = 10;

/// Of so many blocks, one runs with checks too.
const CHECKED_BLOCKS: usize = 3;

/// `|a − b| ≤ absolute + relative · |b|`, `b` the twin's.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub absolute: f32,
    pub relative: f32,
}

/// For kernels that only move numbers.
pub const EXACT: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 0.0,
};

/// A few roundings, in another order or fused.
pub const ROUNDING: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

impl Tolerance {
    /// The same for what is then stored as float16, where values within this tolerance may be rounded apart: by a
    /// step, of 2⁻¹⁰ of the number at most, and of 2⁻²⁴ below the normal numbers.
    pub fn of_halves(self) -> Tolerance {
        Tolerance {
            absolute: self.absolute + 6e-8,
            relative: self.relative + 1.0 / 1024.0,
        }
    }

    pub fn allows(self, found: f32, wanted: f32) -> bool {
        (found - wanted).abs() <= self.absolute + self.relative * wanted.abs()
    }
}

/// A call with the contents of its buffers.
#[derive(Clone, Debug)]
pub struct Case {
    pub params: Params,
    pub reads: Vec<Vec<u32>>,
    pub writes: Vec<Vec<u32>>,
}

/// What one executor left in the written buffers of one case.
pub type Written = Vec<Vec<u32>>;

/// What may be float16 in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halves {
    /// Nothing.
    None,
    /// In every other block, and every other case of the first, all buffers that can be; in the others some of them, the same in
    /// all of a block, because each choice is another text to compile.
    Many,
}

/// One program of all the cases, in order.
pub fn run(cases: &[Case], halves: Halves) -> [Vec<Written>; 3] {
    let capabilities = match halves {
        Halves::None => Capabilities::Baseline,
        Halves::Many => Capabilities::Full,
    };
    run_with(cases, VariantChoice::Auto, capabilities, halves, Vendor::Other)
}

/// The same by the variant of this name.
pub fn run_variant(cases: &[Case], name: &str) -> [Vec<Written>; 3] {
    let variant = VariantChoice::Named(name.into());
    run_with(
        cases,
        variant,
        Capabilities::Baseline,
        Halves::None,
        Vendor::Other,
    )
}

/// What all cases leave: by the twins, by the shaders as a vendor's GPUs run them, by those with checks. These run the cases of
/// some blocks only, others for float16 and for a vendor than otherwise, and always those of the last; for the rest what is
/// without checks stands in: it is the same text but for the checks, and slow to compile. Where there is no GPU, and none is
/// required, the twins stand in for the shaders.
fn run_with(
    cases: &[Case],
    variants: VariantChoice,
    capabilities: Capabilities,
    halves: Halves,
    vendor: Vendor,
) -> [Vec<Written>; 3] {
    let all = Run::new(cases, |_| true, halves);
    let mut cpu = CpuExecutor::new(all.program.clone()).expect("a sound program");
    let twins = all.execute(&mut cpu);
    let Some(gpu) = shared_gpu(capabilities).map(|gpu| gpu.taken_for(vendor)) else {
        return [twins.clone(), twins.clone(), twins];
    };
    let shaders = |run: &Run, checked| {
        let options = GpuOptions {
            checked,
            variants: variants.clone(),
        };
        let executor = GpuExecutor::new(gpu.clone(), &run.program, &options);
        let mut executor = executor.expect("the program fits the GPU");
        let written = run.execute(&mut executor);
        (executor, written)
    };
    let (executor, unchecked) = shaders(&all, false);
    if let VariantChoice::Named(name) = &variants {
        let ran = (0..cases.len()).any(|call| executor.variant(call) == name);
        assert!(ran, "no call runs by the variant {name}");
    }
    let first = match (halves, vendor) {
        (Halves::None, Vendor::Other) => 0,
        (Halves::Many, _) => 1,
        (Halves::None, _) => 2,
    };
    let last = (cases.len() - 1) / BLOCK;
    let some = Run::new(
        cases,
        |block| block % CHECKED_BLOCKS == first || block == last,
        halves,
    );
    let mut checked = unchecked.clone();
    for (&number, written) in some.numbers.iter().zip(shaders(&some, true).1) {
        checked[number] = written;
    }
    [twins, unchecked, checked]
}

/// One program of some of the cases, in order.
struct Run<'a> {
    program: Arc<Program>,
    contents: Vec<(BufferId, &'a [u32])>,
    cases: &'a [Case],
    /// Of the cases that are in the program.
    numbers: Vec<usize>,
    /// Of these, the written buffers that their calls take.
    written: Vec<Vec<Option<BufferId>>>,
}

impl<'a> Run<'a> {
    /// Of the cases of the blocks that are `wanted`.
    fn new(cases: &'a [Case], wanted: impl Fn(usize) -> bool, halves: Halves) -> Self {
        let mut program = Builder::new();
        let mut contents = Vec::new();
        let mut numbers = Vec::new();
        let mut written = Vec::new();
        // Of each binding of a block's first case, whether it stays float32.
        let mut stays = Vec::new();
        let mut words = Vec::new();
        let mut random = Random::new(cases.len() as u64);
        for (number, case) in cases.iter().enumerate() {
            let needs = case.params.needs();
            let indices = case.params.indices().map(|[indices, _]| indices);
            if number % BLOCK == 0 {
                stays = needs.iter().map(|_| random.below(2) == 0).collect();
            }
            if !wanted(number / BLOCK) {
                continue;
            }
            let some = match number / BLOCK {
                0 => number % 2 == 1,
                block => block % 2 == 1,
            };
            let mut add = |(binding, content): (usize, &'a Vec<u32>)| {
                if !needs[binding].present {
                    return None;
                }
                if indices == Some(binding) {
                    let values = content.iter().map(|&word| f32::from_bits(word)).collect();
                    return Some(program.add_constant("indices", values));
                }
                let id = program.add_buffer("buffer", content.len());
                contents.push((id, content.as_slice()));
                if some && stays.get(binding) == Some(&true) {
                    words.push(id);
                }
                Some(id)
            };
            let reads: Vec<_> = case.reads.iter().enumerate().map(&mut add).collect();
            let writes: Vec<_> = (case.reads.len()..).zip(&case.writes).map(&mut add).collect();
            program.add_call("call", case.params, reads, writes.iter().copied());
            numbers.push(number);
            written.push(writes);
        }
        if halves == Halves::Many {
            program.store_as_halves(&words);
        }
        Run {
            program: Arc::new(program.finish().expect("a sound program")),
            contents,
            cases,
            numbers,
            written,
        }
    }

    fn execute(&self, executor: &mut dyn Executor) -> Vec<Written> {
        for (id, words) in &self.contents {
            executor.write_words(*id, 0, words).expect("a write");
        }
        let calls: Vec<usize> = (0..self.program.calls().len()).collect();
        executor.submit(&calls).expect("the calls run");
        // What a call takes no buffer for stays as it is.
        let mut left = |(id, content): (&Option<BufferId>, &Vec<u32>)| {
            let Some(id) = *id else {
                return content.clone();
            };
            let length = self.program.buffers()[id.0].length;
            let readback = executor.request_words(id, 0, length).expect("a read");
            readback.receive().expect("the words read")
        };
        let written = self.numbers.iter().zip(&self.written);
        written
            .map(|(&number, ids)| {
                ids.iter()
                    .zip(&self.cases[number].writes)
                    .map(&mut left)
                    .collect()
            })
            .collect()
    }
}

/// Runs the cases and holds each written buffer of floats against the twin's; where the kernel takes float16 and the GPU
/// has it, also with such buffers.
pub fn compare(cases: Vec<Case>, tolerance: Tolerance) {
    compare_with(&cases, run(&cases, Halves::None), tolerance);
    if takes_halves(&cases) {
        compare_with(&cases, run(&cases, Halves::Many), tolerance.of_halves());
    }
}

/// As [`compare`], for each variant where it can run a call, and by each text that there is of it.
pub fn compare_variants<P: KernelParams>(cases: &[Case], tolerance: Tolerance) {
    for variant in P::VARIANTS {
        let vendors = vendors_of_other_texts(cases, variant.name);
        let halves = takes_halves(cases);
        compare_texts(cases, variant.name, variant.traits, tolerance, &vendors, halves);
    }
}

/// As [`compare_variants`], by one text of each: where sizes and numbers are what is tried, because each text is slow to
/// compile.
pub fn compare_variants_plainly<P: KernelParams>(cases: &[Case], tolerance: Tolerance) {
    for variant in P::VARIANTS {
        compare_plainly(cases, variant.name, variant.traits, tolerance);
    }
}

/// As [`compare`], for the variant of this name where it can run a call, for an unknown vendor's GPUs and buffers of float32, or
/// float16 if the variant is for those.
pub fn compare_plainly(cases: &[Case], name: &str, traits: Traits, tolerance: Tolerance) {
    let halves = ways_named(cases, name, Vendor::Other).is_empty() && takes_halves(cases);
    compare_texts(cases, name, traits, tolerance, &[Vendor::Other], halves);
}

fn compare_texts(
    cases: &[Case],
    name: &str,
    traits: Traits,
    tolerance: Tolerance,
    vendors: &[Vendor],
    halves: bool,
) {
    let capabilities = match traits.subgroups {
        true => Capabilities::Full,
        false => Capabilities::Baseline,
    };
    let gpu = shared_gpu(capabilities);
    if traits.matrix_units && gpu.as_ref().is_none_or(|gpu| gpu.matrix_units().is_none()) {
        return;
    }
    if traits.subgroups && gpu.is_some_and(|gpu| !gpu.has_subgroups()) {
        assert!(
            !gpu_is_required(),
            "a GPU is required, and this one's subgroups are too small for {name}"
        );
        return;
    }
    let run = |capabilities, halves, vendor| {
        let chosen = VariantChoice::Named(name.into());
        run_with(cases, chosen, capabilities, halves, vendor)
    };
    for &vendor in vendors {
        if !ways_named(cases, name, vendor).is_empty() {
            compare_with(cases, run(capabilities, Halves::None, vendor), tolerance);
        }
    }
    // Of one vendor: each text is slow to compile.
    if halves {
        compare_with(
            cases,
            run(Capabilities::Full, Halves::Many, Vendor::Other),
            tolerance.of_halves(),
        );
    }
}

/// How the variant of this name runs those of the cases that it can run, with buffers of float32.
fn ways_named(cases: &[Case], name: &str, vendor: Vendor) -> Vec<Way> {
    let specialisation = Specialisation {
        vendor,
        ..Default::default()
    };
    let ways = cases.iter().flat_map(|case| case.params.ways(&specialisation));
    ways.filter(|way| way.name == name).collect()
}

/// An unknown vendor, and one of each for whom the variant's text, or how it is compiled, is another.
fn vendors_of_other_texts(cases: &[Case], name: &str) -> Vec<Vendor> {
    let texts = |vendor| {
        let ways = ways_named(cases, name, vendor).into_iter();
        ways.map(|way| (way.constants, way.bounded_loops))
            .collect::<Vec<_>>()
    };
    let mut vendors: Vec<Vendor> = Vec::new();
    for vendor in Vendor::ALL {
        if vendors.iter().all(|&other| texts(other) != texts(vendor)) {
            vendors.push(vendor);
        }
    }
    vendors
}

/// Whether there is anything to run with buffers of float16, and a GPU for it.
pub fn takes_halves(cases: &[Case]) -> bool {
    cases.iter().any(|case| case.params.kernel().takes_halves())
        && shared_gpu(Capabilities::Full).is_some_and(|gpu| gpu.has_float16())
}

fn compare_with(cases: &[Case], [twins, unchecked, checked]: [Vec<Written>; 3], tolerance: Tolerance) {
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            for (found, wanted) in found[number].iter().zip(&twins[number]) {
                compare_floats(
                    &format!("{what} shader, case {number}: {:?}", case.params),
                    found,
                    wanted,
                    tolerance,
                );
            }
        }
        assert_ne!(
            twins[number], case.writes,
            "case {number} changes nothing: {:?}",
            case.params
        );
    }
}

/// Panics at the first float that is further off than `tolerance`.
pub fn compare_floats(what: &str, found: &[u32], wanted: &[u32], tolerance: Tolerance) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (index, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let (found, wanted) = (f32::from_bits(found), f32::from_bits(wanted));
        assert!(
            tolerance.allows(found, wanted),
            "{what}\nword {index} is {found}, the twin has {wanted}"
        );
    }
}

/// Random choices, the same on every run.
pub struct Random(StdRng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(StdRng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: u32) -> u32 {
        self.0.random_range(0..end)
    }

    pub fn between(&mut self, first: u32, last: u32) -> u32 {
        self.0.random_range(first..=last)
    }

    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    pub fn float(&mut self, first: f32, last: f32) -> f32 {
        self.0.random_range(first..last)
    }

    /// Sizes below, at and above those of a workgroup, odd ones among them.
    pub fn extent(&mut self) -> Extent {
        Extent {
            n: self.between(1, 2),
            c: self.choose(&[1, 2, 3, 5]),
            h: self.choose(&[1, 2, 3, 5, 8, 13, 17]),
            w: self.choose(&[1, 2, 3, 7, 8, 16, 31]),
        }
    }

    /// A view of a tensor with gaps before it and between rows, channels and samples (or none at all), and
    /// the length of its buffer.
    pub fn view(&mut self, extent: Extent) -> (View, usize) {
        let gap = |random: &mut Self, dense| if dense { 0 } else { random.below(4) };
        let dense = self.below(3) == 0;
        let row = extent.w + gap(self, dense);
        let channel = extent.h * row + gap(self, dense);
        let batch = extent.c * channel + gap(self, dense);
        let offset = gap(self, dense);
        let view = View {
            offset,
            batch,
            channel,
            row,
        };
        let length = offset + extent.n * batch + gap(self, dense);
        (view, length as usize)
    }

    /// The same with a size of 1 on some axes.
    pub fn part_of(&mut self, extent: Extent) -> Extent {
        let mut size = |size| if self.below(2) == 0 { 1 } else { size };
        Extent {
            n: size(extent.n),
            c: size(extent.c),
            h: size(extent.h),
            w: size(extent.w),
        }
    }

    /// Floats in [−2, 2).
    pub fn floats(&mut self, length: usize) -> Vec<u32> {
        (0..length).map(|_| self.float(-2.0, 2.0).to_bits()).collect()
    }

    /// Floats in [−100, 100), where a careless exponential overflows.
    pub fn logits(&mut self, length: usize) -> Vec<u32> {
        (0..length).map(|_| self.float(-100.0, 100.0).to_bits()).collect()
    }

    /// Floats in [0, 1).
    pub fn probabilities(&mut self, length: usize) -> Vec<u32> {
        (0..length).map(|_| self.float(0.0, 1.0).to_bits()).collect()
    }

    /// Multiples of ½ in [−1, 1], so that many are equal and some are 0.
    pub fn coarse_floats(&mut self, length: usize) -> Vec<u32> {
        (0..length)
            .map(|_| (0.5 * (self.below(5) as f32 - 2.0)).to_bits())
            .collect()
    }

    pub fn integers(&mut self, length: usize, end: u32) -> Vec<u32> {
        (0..length).map(|_| self.below(end)).collect()
    }
}
