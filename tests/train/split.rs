//! Which samples validate, and the order of an epoch.

use asma::train::{derived_seed, epoch_order, split};
use proptest::prelude::*;

use crate::assert_says;

proptest! {
    #[test]
    fn a_split_takes_each_sample_once(count in 2usize..400, fraction in 0.001f32..0.999, seed: u64) {
        let (training, validation) = split(count, fraction, seed).expect("splits");
        prop_assert!(training.is_sorted() && validation.is_sorted());
        let wanted = (count as f64 * f64::from(fraction)).round().clamp(1.0, count as f64 - 1.0);
        prop_assert_eq!(validation.len() as f64, wanted);
        let mut all = [training, validation].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn an_epoch_goes_through_each_sample_once(count in 0usize..400, seed: u64, epoch: u64) {
        let mut order = epoch_order(count, seed, epoch);
        prop_assert_eq!(&order, &epoch_order(count, seed, epoch));
        order.sort_unstable();
        prop_assert_eq!(order, (0..count).collect::<Vec<_>>());
    }
}

#[test]
fn seeds_and_epochs_give_different_orders() {
    let mut orders: Vec<_> = (0..20)
        .flat_map(|seed| (0..20).map(move |epoch| epoch_order(30, seed, epoch)))
        .collect();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 400);
    let mut splits: Vec<_> = (0..50)
        .map(|seed| split(100, 0.2, seed).expect("splits"))
        .collect();
    splits.sort();
    splits.dedup();
    assert_eq!(splits.len(), 50);
}

#[test]
fn every_place_is_as_likely_for_every_sample() {
    let mut counts = [[0u32; 5]; 5];
    for epoch in 0..10_000 {
        for (place, sample) in epoch_order(5, 3, epoch).into_iter().enumerate() {
            counts[place][sample] += 1;
        }
    }
    // 2000 each, with a standard deviation of 40.
    for count in counts.into_iter().flatten() {
        assert!((1800..2200).contains(&count), "{counts:?}");
    }
}

#[test]
fn the_same_on_every_machine() {
    assert_eq!(epoch_order(8, 1, 0), [5, 4, 0, 2, 7, 1, 6, 3]);
    assert_eq!(split(10, 0.3, 1).expect("splits").1, [0, 5, 8]);
    assert_eq!(derived_seed(1, &[2, 3]), 0xd3f1_f991_eb78_7193);
}

#[test]
fn derived_seeds_do_not_meet() {
    let mut seeds: Vec<u64> = (0..30)
        .flat_map(|seed| {
            (0..30).flat_map(move |epoch| (0..30).map(move |sample| derived_seed(seed, &[epoch, sample])))
        })
        .collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 27_000);
}

#[test]
fn too_few_samples_and_senseless_shares_are_refused() {
    assert_says(split(0, 0.5, 1), &["there are 0 samples", "give more images"]);
    assert_says(split(1, 0.5, 1), &["there is 1 sample", "give more images"]);
    for fraction in [0.0, 1.0, -0.1, 20.0, f32::NAN] {
        assert_says(
            split(10, fraction, 1),
            &[&fraction.to_string(), "between 0 and 1"],
        );
    }
    assert_eq!(split(2, 0.01, 1).expect("splits").1.len(), 1);
    assert_eq!(split(2, 0.99, 1).expect("splits").0.len(), 1);
}
