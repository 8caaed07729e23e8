//! The numbers behind the report's plots.

use std::collections::BTreeMap;

use crate::evaluate::record::{Setting, TraceRecord};
use crate::evaluate::statistic::quantile;

/// Most points of a curve over iterations.
const MOST_POINTS: u32 = 120;
/// Most bars of a histogram.
const MOST_BARS: u32 = 32;
/// Steps of the threshold of success.
const THRESHOLDS: u32 = 100;

/// Lower quartile, median and upper quartile at a place on the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quartiles {
    pub at: f64,
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl Quartiles {
    /// Of these numbers, between neighbours linearly; nothing of none. What is not finite is left out.
    pub fn of(at: f64, numbers: impl IntoIterator<Item = f64>) -> Option<Quartiles> {
        let mut sorted: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            return None;
        }
        let quantile = |share| quantile(&sorted, share);
        Some(Quartiles {
            at,
            lower: quantile(0.25),
            median: quantile(0.5),
            upper: quantile(0.75),
        })
    }
}

/// How a value comes along over the iterations of several attacks. One that has stopped keeps its last value.
pub(super) fn over_iterations(traces: &[&TraceRecord], value: fn(&TraceRecord) -> &[f32]) -> Vec<Quartiles> {
    let last = traces.iter().filter_map(|trace| trace.iteration.last()).max();
    let last = last.copied().unwrap_or(0);
    let steps = last.clamp(1, MOST_POINTS);
    let places = (0..=steps).map(|step| f64::from(last) * f64::from(step) / f64::from(steps));
    let quartiles = places.filter_map(|place| {
        let values = traces
            .iter()
            .filter_map(|trace| value_at(trace, value(trace), place));
        Quartiles::of(place, values)
    });
    quartiles.collect()
}

/// The value at a place among the kept iterations, between neighbours linearly.
fn value_at(trace: &TraceRecord, values: &[f32], place: f64) -> Option<f64> {
    let above = trace
        .iteration
        .partition_point(|&iteration| f64::from(iteration) < place);
    let end = f64::from(*values.get(above).or(values.last())?);
    let Some((&iteration, below)) = trace.iteration.get(above).zip(above.checked_sub(1)) else {
        return Some(end);
    };
    let (from, start) = (
        f64::from(*trace.iteration.get(below)?),
        f64::from(*values.get(below)?),
    );
    Some(start + (end - start) * (place - from) / (f64::from(iteration) - from))
}

/// The share of numbers in bars of equal width, in steps of one of 8 bits (a value of 0 to 255).
pub(super) struct Histogram {
    /// The width of a bar.
    pub width: u32,
    /// How many bars there are, the first about 0.
    pub bars: u32,
}

impl Histogram {
    /// Bars that hold numbers up to `largest`.
    pub fn up_to(largest: f64) -> Histogram {
        let largest = largest.round().clamp(0.0, 255.0) as u32;
        let width = (largest + 1).div_ceil(MOST_BARS);
        Histogram {
            width,
            bars: (largest + 1).div_ceil(width),
        }
    }

    /// The outline of the bars' tops, from left to right.
    pub fn outline(&self, numbers: &[f64]) -> Vec<(f64, f64)> {
        let mut counts = vec![0usize; self.bars as usize];
        for number in numbers {
            let bar = number.round().max(0.0) as usize / self.width as usize;
            counts[bar.min(self.bars as usize - 1)] += 1;
        }
        let share = |count: usize| count as f64 / numbers.len().max(1) as f64;
        let edge = |bar: usize| bar as f64 * f64::from(self.width) - 0.5;
        let tops = counts.into_iter().enumerate();
        tops.flat_map(|(bar, count)| [(edge(bar), share(count)), (edge(bar + 1), share(count))])
            .collect()
    }
}

/// The share of the numbers that reach a threshold, for thresholds from 0 to 1.
pub(super) fn reached(numbers: &[f32]) -> Vec<(f64, f64)> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f32::total_cmp);
    let shares = (0..=THRESHOLDS).map(|step| {
        // In float32, as thresholds that a user gives are.
        let threshold = step as f32 / THRESHOLDS as f32;
        let short_of_it = sorted.partition_point(|&number| number < threshold);
        (
            f64::from(step) / f64::from(THRESHOLDS),
            (sorted.len() - short_of_it) as f64 / sorted.len().max(1) as f64,
        )
    });
    shares.collect()
}

/// Settings that differ in eps alone.
#[derive(Debug, PartialEq)]
pub(super) struct Family {
    /// What they have in common, in words.
    pub name: String,
    /// Eps and the setting's place in the list, ascending.
    pub members: Vec<(f64, usize)>,
}

/// The families of which one has several eps at least; none if there is no such.
pub(super) fn families(settings: &[Setting]) -> Vec<Family> {
    let mut families: BTreeMap<String, Vec<(f64, usize)>> = BTreeMap::new();
    for (index, setting) in settings.iter().enumerate() {
        let others = setting.varied.iter().filter(|(name, _)| *name != "eps");
        let others = others.map(|(name, value)| format!(" {name}={value}"));
        let name = std::iter::once(setting.attack.clone()).chain(others).collect();
        if let Some(eps) = eps(setting) {
            families.entry(name).or_default().push((eps, index));
        }
    }
    let differ = |members: &Vec<(f64, usize)>| members.iter().any(|(eps, _)| *eps != members[0].0);
    if !families.values().any(differ) {
        return Vec::new();
    }
    let families = families.into_iter().map(|(name, mut members)| {
        members.sort_by(|one, other| one.0.total_cmp(&other.0));
        Family { name, members }
    });
    families.collect()
}

/// The budget: as it was varied, such as `2/255`, or else as the settings have it.
fn eps(setting: &Setting) -> Option<f64> {
    let Some(text) = setting.varied.get("eps") else {
        return setting.config.get("eps")?.as_f64();
    };
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let eps = match text.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(text)?,
    };
    eps.is_finite().then_some(eps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(iteration: &[u32], iou: &[f32]) -> TraceRecord {
        TraceRecord {
            task: 0,
            iteration: iteration.to_vec(),
            iou: iou.to_vec(),
            l2: iou.to_vec(),
            linf: iou.to_vec(),
        }
    }

    #[test]
    fn quartiles_lie_between_neighbours() {
        let found = Quartiles::of(7.0, [4.0, 1.0, f64::NAN, 2.0, 3.0]).expect("numbers");
        assert_eq!(
            (found.at, found.lower, found.median, found.upper),
            (7.0, 1.75, 2.5, 3.25)
        );
        assert_eq!(Quartiles::of(0.0, []), None);
    }

    #[test]
    fn an_attack_that_stopped_keeps_its_last_value() {
        let (long, short) = (trace(&[0, 2, 4], &[0.0, 0.5, 1.0]), trace(&[0, 1], &[0.5, 0.75]));
        let curve = over_iterations(&[&long, &short], |trace| &trace.iou);
        let medians: Vec<(f64, f64)> = curve.iter().map(|point| (point.at, point.median)).collect();
        // Of the long one, 0, 0.25, 0.5, 0.75, 1; of the short one, 0.5, then 0.75.
        assert_eq!(
            medians,
            [(0.0, 0.25), (1.0, 0.5), (2.0, 0.625), (3.0, 0.75), (4.0, 0.875)]
        );
        assert_eq!(over_iterations(&[], |trace| &trace.iou), []);
        let still = trace(&[0], &[0.5]);
        assert!(
            over_iterations(&[&still], |trace| &trace.iou)
                .iter()
                .all(|point| point.upper == 0.5)
        );
    }

    #[test]
    fn long_traces_are_thinned() {
        let iterations: Vec<u32> = (0..1000).collect();
        let iou: Vec<f32> = iterations.iter().map(|&iteration| iteration as f32).collect();
        let long = trace(&iterations, &iou);
        let curve = over_iterations(&[&long], |trace| &trace.iou);
        assert_eq!(curve.len(), 121);
        assert!(curve.iter().all(|point| (point.median - point.at).abs() < 1e-9));
    }

    #[test]
    fn bars_hold_whole_steps_of_8_bits() {
        let few = Histogram::up_to(2.0);
        assert_eq!((few.width, few.bars), (1, 3));
        let outline = few.outline(&[0.0, 2.0, 2.0, 1.000_001]);
        assert_eq!(
            outline,
            [
                (-0.5, 0.25),
                (0.5, 0.25),
                (0.5, 0.25),
                (1.5, 0.25),
                (1.5, 0.5),
                (2.5, 0.5)
            ]
        );
        let many = Histogram::up_to(255.0);
        assert_eq!((many.width, many.bars), (8, 32));
        assert_eq!(many.outline(&[255.0]).last(), Some(&(255.5, 1.0)));
    }

    #[test]
    fn a_threshold_is_reached_from_it_on() {
        let shares = reached(&[0.5, 1.0]);
        let share = |threshold: f64| {
            shares
                .iter()
                .find(|point| (point.0 - threshold).abs() < 1e-9)
                .map(|point| point.1)
        };
        assert_eq!(
            (share(0.0), share(0.5), share(0.51), share(1.0)),
            (Some(1.0), Some(1.0), Some(0.5), Some(0.5))
        );
    }

    #[test]
    fn settings_that_differ_in_eps_alone_are_a_family() {
        let setting = |attack: &str, varied: &[(&str, &str)], config: serde_json::Value| Setting {
            name: attack.into(),
            attack: attack.into(),
            varied: varied
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            losses: vec![],
            config,
        };
        let none = serde_json::Value::Null;
        let settings = [
            setting("pgd", &[("eps", "4/255"), ("steps", "10")], none.clone()),
            setting("pgd", &[("eps", "2/255"), ("steps", "10")], none.clone()),
            setting("fgsm", &[], serde_json::json!({ "eps": 0.5 })),
            setting("asma", &[], none.clone()),
        ];
        let found = families(&settings);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].name.as_str(), &found[0].members),
            ("fgsm", &vec![(0.5, 2)])
        );
        let pgd = vec![(2.0 / 255.0, 1), (4.0 / 255.0, 0)];
        assert_eq!(
            (found[1].name.as_str(), &found[1].members),
            ("pgd steps=10", &pgd)
        );
        assert_eq!(families(&settings[1..]), []);
    }
}
