//! How the taps of a convolution lie along one axis.

use std::ops::Range;

use crate::kernels::conv2d::Params;

/// One axis of a convolution, for a range of its outputs. The input is laid out in parts of places that are one step
/// apart, so that outputs side by side take places side by side.
pub(super) struct Axis {
    /// The input place, perhaps outside, that the first place of each part is.
    pub parts: Vec<isize>,
    /// Places of a part.
    pub places: usize,
    /// From one place of a part to the next in the input.
    pub step: usize,
    /// Outputs that have the same taps, by their offset: all, or of a transposed convolution those with the same remainder
    /// by the stride.
    pub phases: Vec<Phase>,
    /// From one output of a phase to the next.
    pub stride: usize,
}

/// Outputs that have the same taps.
pub(super) struct Phase {
    /// The first, from the beginning of the range.
    pub offset: usize,
    /// How many.
    pub count: usize,
    /// In ascending order.
    pub taps: Vec<Tap>,
}

/// One tap of a phase.
#[derive(Clone)]
pub(super) struct Tap {
    /// Which of the kernel's it is.
    pub index: usize,
    /// The part that it takes its values from.
    pub part: usize,
    /// The place that it takes to the first output; the next output takes the next place.
    pub shift: usize,
    /// The outputs to which it takes places of the input.
    pub seen: Range<usize>,
}

/// Outputs from the place `offset` on, and the input place that each tap takes to the first of them.
struct Reach {
    offset: usize,
    count: usize,
    taps: Vec<(usize, isize)>,
}

impl Axis {
    /// That of a convolution, or a transposed one, for `count` outputs from `first` on, of `inputs` places. Each tap has a
    /// part of its own if in shared ones more than `apart` times the outputs would be computed in vain.
    pub fn new(
        params: &Params,
        transposed: bool,
        axis: usize,
        [first, count, inputs]: [usize; 3],
        apart: f32,
    ) -> Axis {
        let [kernel, stride, padding, dilation] = [
            params.kernel[axis],
            params.stride[axis],
            params.padding[axis],
            params.dilation[axis],
        ]
        .map(|value| value as usize);
        let (reaches, step): (Vec<Reach>, usize) = if transposed {
            let phases = (0..stride).map(|remainder| {
                let offset = (remainder + stride - (first + padding) % stride) % stride;
                let place = ((first + offset + padding) / stride) as isize;
                let taps = (0..kernel).filter(|tap| tap * dilation % stride == remainder);
                Reach {
                    offset,
                    count: count.saturating_sub(offset).div_ceil(stride),
                    taps: taps
                        .map(|tap| (tap, place - (tap * dilation / stride) as isize))
                        .collect(),
                }
            });
            let mut phases: Vec<Reach> = phases.filter(|phase| phase.count > 0).collect();
            phases.sort_by_key(|phase| phase.offset);
            (phases, 1)
        } else {
            let place = (first * stride) as isize - padding as isize;
            let taps = (0..kernel).map(|tap| (tap, place + (tap * dilation) as isize));
            let phase = Reach {
                offset: 0,
                count,
                taps: taps.collect(),
            };
            (vec![phase], stride)
        };
        let shared = Axis::of_reaches(&reaches, step, inputs, false);
        let outputs = reaches.iter().map(|reach| reach.count).max().unwrap_or(0);
        let mut found = if (shared.places - outputs) as f32 > apart * outputs as f32 {
            Axis::of_reaches(&reaches, step, inputs, true)
        } else {
            shared
        };
        found.stride = if transposed { stride } else { 1 };
        found
    }

    /// The input place that a tap takes to the first output; it lies in the input if the phase has only one.
    pub fn place(&self, tap: &Tap) -> usize {
        (self.parts[tap.part] + (tap.shift * self.step) as isize).max(0) as usize
    }

    /// Whether much of what taps see from all outputs is padding.
    pub fn sees_much_padding(&self) -> bool {
        let taps = self
            .phases
            .iter()
            .flat_map(|phase| phase.taps.iter().map(|tap| (phase.count, tap.seen.len())));
        let [all, seen] = taps.fold([0, 0], |sum, (count, seen)| [sum[0] + count, sum[1] + seen]);
        4 * (all - seen) > all
    }

    fn of_reaches(reaches: &[Reach], step: usize, inputs: usize, apart: bool) -> Axis {
        let seen = |place: isize, count: usize| {
            let before = ((-place).max(0) as usize).div_ceil(step).min(count);
            let end = ((inputs as isize - place).max(0) as usize).div_ceil(step);
            before..end.clamp(before, count)
        };
        // A tap that sees no input from any output adds nothing.
        let sees = |place: isize, count: usize| !seen(place, count).is_empty();
        let key = |place: isize| {
            if apart {
                place
            } else {
                place.rem_euclid(step as isize)
            }
        };
        let mut parts: Vec<isize> = Vec::new();
        for reach in reaches {
            for &(_, place) in reach.taps.iter().filter(|(_, place)| sees(*place, reach.count)) {
                match parts.iter_mut().find(|part| key(**part) == key(place)) {
                    Some(part) => *part = place.min(*part),
                    None => parts.push(place),
                }
            }
        }
        let mut places = 0;
        let phases = reaches.iter().map(|reach| {
            let seeing = reach.taps.iter().filter(|(_, place)| sees(*place, reach.count));
            let taps = seeing.filter_map(|&(index, place)| {
                let part = parts.iter().position(|part| key(*part) == key(place))?;
                Some(Tap {
                    index,
                    part,
                    shift: (place - parts[part]) as usize / step,
                    seen: seen(place, reach.count),
                })
            });
            let taps: Vec<Tap> = taps.collect();
            let furthest = taps.iter().map(|tap| tap.shift).max().unwrap_or(0);
            places = places.max(furthest + reach.count);
            Phase {
                offset: reach.offset,
                count: reach.count,
                taps,
            }
        });
        let phases = phases.collect();
        Axis {
            parts,
            places,
            step,
            phases,
            stride: 1,
        }
    }
}
