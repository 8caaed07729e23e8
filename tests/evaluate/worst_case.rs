//! The search for the attacks that are worst for a data set.

use asma::attack::Purpose;
use asma::evaluate::{ClassCounts, mean_iou, worst_case};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn counts(target: u64, prediction: u64, both: u64) -> ClassCounts {
    ClassCounts {
        target,
        prediction,
        both,
    }
}

/// A class of 10 pixels of which so many are found, and nothing else.
fn found(both: u64) -> ClassCounts {
    counts(10, 10, both)
}

#[test]
fn of_several_attacks_that_gain_the_best_is_taken_and_not_the_last() {
    let images = [vec![vec![found(9)], vec![found(1)], vec![found(5)]]];
    let worst = worst_case(&images, Purpose::Untargeted, 0);
    assert_eq!(worst.chosen, [1]);
    assert_eq!(worst.mean_iou, found(1).iou().unwrap());
}

#[test]
fn a_class_that_no_pixel_has_keeps_its_number() {
    // Only class 2 tells the attacks apart, and class 1 is nowhere.
    let image = |both| vec![found(8), counts(0, 0, 0), found(both)];
    let images = [vec![image(8), image(3)], vec![image(8), image(2)]];
    let worst = worst_case(&images, Purpose::Untargeted, 0);
    assert_eq!(worst.chosen, [1, 1]);
    let expected = (counts(20, 20, 16).iou().unwrap() + counts(20, 20, 5).iou().unwrap()) / 2.0;
    assert!((worst.mean_iou - expected).abs() < 1e-12);
}

#[test]
fn targeted_the_largest_mean_iou_is_the_worst() {
    let images = [
        vec![vec![found(4)], vec![found(7)]],
        vec![vec![found(6)], vec![found(2)]],
    ];
    let worst = worst_case(&images, Purpose::Targeted, 0);
    assert_eq!(worst.chosen, [1, 0]);
    assert!((worst.mean_iou - counts(20, 20, 13).iou().unwrap()).abs() < 1e-12);
}

/// Images with the counts of three classes after each of three attacks.
fn random_images(seed: u64, count: usize) -> Vec<Vec<Vec<ClassCounts>>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut class = || {
        let (target, prediction) = (random.random_range(1..50), random.random_range(1..50));
        counts(
            target,
            prediction,
            random.random_range(0..=target.min(prediction)),
        )
    };
    (0..count)
        .map(|_| (0..3).map(|_| (0..3).map(|_| class()).collect()).collect())
        .collect()
}

fn value(images: &[Vec<Vec<ClassCounts>>], chosen: &[usize]) -> f64 {
    mean_iou(
        images
            .iter()
            .zip(chosen)
            .map(|(attacks, &attack)| &attacks[attack][..]),
    )
}

#[test]
fn what_is_found_is_no_better_than_any_one_attack_and_no_single_change_makes_it_worse() {
    for seed in 0..20 {
        let images = random_images(seed, 9);
        let worst = worst_case(&images, Purpose::Untargeted, 0);
        assert_eq!(value(&images, &worst.chosen), worst.mean_iou);
        for attack in 0..3 {
            assert!(worst.mean_iou <= value(&images, &[attack; 9]));
        }
        for image in 0..9 {
            for attack in 0..3 {
                let mut changed = worst.chosen.clone();
                changed[image] = attack;
                assert!(value(&images, &changed) >= worst.mean_iou - 1e-6);
            }
        }
        assert_eq!(worst, worst_case(&images, Purpose::Untargeted, 0));
    }
}

#[test]
fn the_mean_iou_is_over_the_pixels_of_all_images_and_leaves_absent_classes_out() {
    let images = [
        vec![counts(10, 10, 10), counts(0, 0, 0), counts(0, 0, 0)],
        vec![counts(10, 0, 0), counts(0, 10, 0), counts(0, 0, 0)],
    ];
    let found = mean_iou(images.iter().map(|image| &image[..]));
    assert_eq!(found, (0.5 + 0.0) / 2.0);
    assert_eq!(mean_iou([]), 1.0);
}
