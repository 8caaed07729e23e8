//! Means, deviations and intervals.

use asma::evaluate::Statistic;

#[test]
fn numbers_are_summed_up_as_by_hand() {
    let found = Statistic::of([4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!((found.count, found.mean), (4, 2.5));
    assert!((found.deviation - (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(found.quartiles, [1.0, 1.75, 2.5, 3.25, 4.0]);
    assert!(found.interval[0] > 1.0 && found.interval[0] < 2.5);
    assert!(found.interval[1] > 2.5 && found.interval[1] < 4.0);
}

#[test]
fn the_interval_follows_from_the_numbers_alone_and_not_from_their_order() {
    let numbers: Vec<f64> = (0..37).map(|i| f64::from((i * 17) % 37) / 7.0).collect();
    let (one, again) = (Statistic::of(numbers.clone()), Statistic::of(numbers.clone()));
    assert_eq!(one, again);
    assert_eq!(one, Statistic::of(numbers.into_iter().rev()));
}

#[test]
fn the_interval_is_as_wide_as_theory_says_of_many_numbers() {
    let found = Statistic::of((0..400).map(|i| f64::from(i) / 400.0)).unwrap();
    let theory = 1.96 * found.deviation / 20.0;
    for half in [found.mean - found.interval[0], found.interval[1] - found.mean] {
        assert!((half / theory - 1.0).abs() < 0.15, "{half} against {theory}");
    }
}

#[test]
fn of_one_number_or_equal_ones_all_is_that_number_and_of_none_there_is_nothing() {
    for numbers in [vec![0.3], vec![0.3; 9]] {
        let found = Statistic::of(numbers).unwrap();
        assert!((found.mean - 0.3).abs() < 1e-15 && found.deviation < 1e-15);
        assert_eq!(found.interval, [0.3; 2]);
        assert_eq!(found.quartiles, [0.3; 5]);
    }
    assert_eq!(Statistic::of([]), None);
}
