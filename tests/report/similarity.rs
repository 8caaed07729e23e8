//! PSNR and SSIM against the numbers of scikit-image 0.26: `peak_signal_noise_ratio`, and `structural_similarity` with
//! `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0`, its map averaged over the windows that
//! lie in the image, channel by channel.

use asma::report::{Likeness, psnr, ssim};
use asma::{Shape, Tensor};

/// Two images made of small whole numbers, so that other tools can make the same.
fn pair(height: usize, width: usize) -> [Tensor; 2] {
    let shape = Shape::new(1, 3, height, width);
    let one = Tensor::from_fn(shape, |_, c, y, x| {
        ((7 * y + 13 * x + 29 * c + (x * y) % 11 * 5) % 64) as f32 / 64.0
    });
    let other = Tensor::from_fn(shape, |_, c, y, x| {
        let change = ((5 * y + 3 * x + 17 * c) % 9) as f32 - 4.0;
        (one.at(0, c, y, x) + change / 64.0).clamp(0.0, 1.0)
    });
    [one, other]
}

#[test]
fn numbers_are_those_of_scikit_image() {
    for (height, width, wanted_psnr, wanted_ssim) in [
        (16, 20, 28.04134904040233, 0.9902500139965476),
        (40, 33, 28.024263250167685, 0.9898014568384453),
    ] {
        let [one, other] = pair(height, width);
        let (psnr, ssim) = (psnr(&one, &other).unwrap(), ssim(&one, &other).unwrap());
        assert!((psnr - wanted_psnr).abs() < 1e-9, "{psnr}");
        assert!((ssim - wanted_ssim).abs() < 1e-9, "{ssim}");
    }
}

#[test]
fn equal_images_are_alike_even_where_they_are_smaller_than_the_window() {
    for (height, width) in [(16, 20), (4, 7), (1, 1)] {
        let [one, _] = pair(height, width);
        assert_eq!(psnr(&one, &one).unwrap(), f64::INFINITY);
        assert!((ssim(&one, &one).unwrap() - 1.0).abs() < 1e-12);
        let likeness = Likeness::new(&one, &one).unwrap();
        assert_eq!((likeness.psnr, likeness.linf), (None, 0.0));
        assert!(likeness.in_words.contains("equals"), "{}", likeness.in_words);
    }
}

#[test]
fn words_say_how_visible_a_change_is() {
    let shape = Shape::new(1, 3, 32, 32);
    let source = Tensor::from_fn(shape, |_, _, y, _| 0.3 + y as f32 / 100.0);
    let changed = |change: &dyn Fn(usize, usize) -> f32| {
        let saved = Tensor::from_fn(shape, |_, c, y, x| source.at(0, c, y, x) + change(y, x));
        Likeness::new(&source, &saved).unwrap().in_words
    };
    let checker = |size: f32| move |y: usize, x: usize| if (x + y).is_multiple_of(2) { size } else { -size };
    assert!(changed(&checker(0.005)).starts_with("hard to see"));
    assert!(changed(&checker(0.02)).starts_with("to be seen"));
    assert!(changed(&checker(0.05)).starts_with("VISIBLE"));
    // One speckle in an image that is else the same.
    assert!(changed(&|y, x| if (y, x) == (9, 9) { 0.2 } else { 0.0 }).starts_with("VISIBLE"));
}

#[test]
fn images_of_other_shapes_are_not_compared() {
    let [one, _] = pair(16, 20);
    let [other, _] = pair(16, 21);
    assert!(psnr(&one, &other).is_err() && ssim(&one, &other).is_err());
}
