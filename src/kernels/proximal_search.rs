//! The proximal step of `λ‖·‖∞` with a box, in the diagonal metric H: of a point v, what minimises `½ Σ_j H_j (z_j −
//! v_j)² + λ‖z‖∞` in the box is `u = clip(v)` clipped once more to ±t, where t is where
//!
//! ```text
//! f(t) = Σ_{|u_j| > t} H_j (|v_j| − t)
//! ```
//!
//! falls to λ (Rony, Pesquet and Ben Ayed, *Proximal Splitting Adversarial Attacks for Semantic Segmentation*, 2023). The
//! calls of this kernel look for t among all floats between 2⁻³² and 1: the first call sums f at [`THRESHOLDS`] of them
//! that lie 2²¹ floats apart, each other one at as many between the last threshold where f is above λ and the next one,
//! until [`PASSES`] have told neighbours apart. What they leave is the smallest float where f is not above λ, or 0. Who
//! asks for it narrows down what the last call summed (`root` in the twin and in `shaders/shared/proximal.wgsl`).
//!
//! All terms of f are positive, so nothing cancels; sums are made in an order that never changes, of each sample by
//! itself.
//!
//! # The words of the search
//! Per sample: [`HEADER`] words, the first of which are what each pass was narrowed down to: how many floats lie between
//! 2⁻³² and the first threshold of the next pass, or [`NONE`] if f is nowhere above λ. Then two halves, for passes of
//! even and odd number, of the sums of each workgroup.

use super::{Extent, KernelParams, Variant, fold, kernel, product, samples, shader};

/// The box is not that of all perturbations but that which keeps `source` within [0, 1].
pub const BOX: u32 = 1;
/// The metric is not 1 everywhere.
pub const METRIC: u32 = 2;

/// Calls of a search.
pub const PASSES: u32 = 4;
/// Values of t that a call looks at.
pub const THRESHOLDS: u32 = 128;
/// Elements of a workgroup.
pub const GROUP: u32 = 8192;
/// The bits of 2⁻³², the least t looked at but for 0.
pub const LEAST_BITS: u32 = 0x2f80_0000;
/// Instead of a number of floats: f is nowhere above λ.
pub const NONE: u32 = u32::MAX;

/// Words before the sums.
pub const HEADER: usize = PASSES as usize;

kernel! {
    "proximal_search", "search_pass";
    parameters {
        /// Of the point, the metric and the source, all dense.
        extent: Extent,
        /// [`BOX`] and [`METRIC`].
        flags: u32,
        /// Which call of the search, from 0.
        number: u32,
        /// Index of the first sample's λ in `weights`.
        weight_offset: u32,
        /// Distance to the next sample's.
        weight_stride: u32,
    }
    reads {
        point: Float, first(|call| call.extent.elements());
        metric: Float, first(|call| call.extent.elements()), when(|call| call.flags & METRIC != 0);
        source: Float, first(|call| call.extent.elements()), when(|call| call.flags & BOX != 0);
        weights: Float, first(|call| {
            let samples = u64::from(call.extent.n).saturating_sub(1);
            u64::from(call.weight_offset) + samples * u64::from(call.weight_stride) + 1
        });
    }
    writes {
        // [n][search_length]
        search: Word, first(|call| search_of_all(call.extent)), also_read(|_| true);
    }
}

/// Workgroups of a search in one sample.
pub fn groups(extent: Extent) -> u32 {
    let elements = product(&[extent.c, extent.h, extent.w]);
    u32::try_from(elements.div_ceil(GROUP.into())).unwrap_or(u32::MAX)
}

/// Words of one sample in the buffer of the search.
pub fn search_length(extent: Extent) -> usize {
    HEADER + 2 * groups(extent) as usize * THRESHOLDS as usize
}

/// Words of the search of all samples.
pub fn search_of_all(extent: Extent) -> u64 {
    u64::from(extent.n).saturating_mul(search_length(extent) as u64)
}

/// How many floats apart the thresholds of a pass lie, as a power of 2.
pub const fn spacing(number: u32) -> u32 {
    7 * (PASSES - 1 - number)
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "thresholds",
        shader!("shared/proximal", "proximal_search"),
        |call| {
            let [x, y] = fold(groups(call.extent));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    .with_constants(|call| vec![("FLAGS", call.flags), ("NUMBER", call.number)])];

    fn check(&self) -> Result<(), String> {
        super::check_choice("flags", self.flags, BOX | METRIC)?;
        super::check_choice("number", self.number, PASSES - 1)
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        format!(
            "proximal_search of {n}x{c}x{h}x{w}, flags {}, pass {}",
            self.flags, self.number
        )
    }

    fn flops(&self) -> u64 {
        3 * u64::from(THRESHOLDS) * self.extent.elements()
    }

    fn elements_moved(&self) -> Vec<u64> {
        let image = self.extent.elements();
        let of = |flag| if self.flags & flag == 0 { 0 } else { image };
        vec![image, of(METRIC), of(BOX), 0, 0]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        let sample = |flags, number| Params {
            extent,
            flags,
            number,
            weight_offset: 0,
            weight_stride: 1,
        };
        (0..PASSES)
            .flat_map(|number| [0, BOX | METRIC].map(|flags| sample(flags, number)))
            .collect()
    }
}
