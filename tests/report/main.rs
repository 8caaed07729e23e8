//! The trace, the summary, the pictures and the animation that an attack leaves, the curves of a training run, and the report of
//! an evaluation.

mod animation;
mod evaluation;
mod loss_curve;
mod similarity;

use std::fs;

use asma::Scores;
use asma::data::{read_image, write_rgb_image};
use asma::labels::IGNORE;
use asma::palette::class_colour;
use asma::report::{
    AsmaSettings, AttackSettings, Figure, Likeness, Moment, Results, Summary, colour_labels, draw_figure,
    overlay, perturbation_picture, read_summary, read_trace, write_summary, write_trace,
};
use asma::{LabelMap, Shape, Tensor, TraceRow};
use image::{Rgb, RgbImage};

fn row(iteration: u32, value: f32) -> TraceRow {
    TraceRow {
        iteration,
        iou: value,
        pixel_accuracy: 1.0 - value,
        l2: 3.0 * value,
        linf: value / 7.0,
        multiplier: value * 1e-7,
        loss: None,
        success_rate: None,
    }
}

const SCORES: Scores = Scores {
    iou: 0.98,
    pixel_accuracy: 0.99,
    l2: 2.3,
    linf: 0.16,
};

#[test]
fn a_trace_survives_a_round_trip_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.csv");
    let mut rows: Vec<TraceRow> = (0..200)
        .map(|iteration| row(iteration, 1.0 / (iteration as f32 + 3.1)))
        .collect();
    rows.push(row(200, 0.0));
    rows.push(row(201, f32::MIN_POSITIVE));
    write_trace(&path, &rows).expect("writes");
    assert_eq!(read_trace(&path).expect("reads"), rows);
}

#[test]
fn a_trace_looks_as_it_should() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.csv");
    let rows = [TraceRow {
        iteration: 1,
        iou: 0.171_185_84,
        pixel_accuracy: 1.0,
        l2: 0.011_398_68,
        linf: 9.389_594e-5,
        multiplier: 1e-7,
        loss: None,
        success_rate: None,
    }];
    write_trace(&path, &rows).expect("writes");
    assert_eq!(
        fs::read_to_string(&path).expect("reads"),
        "iteration,iou,pixel_accuracy,l2,linf,multiplier\n\
         1,0.171185836,1,0.0113986796,9.3895942e-05,1.00000001e-07\n"
    );
    write_trace(&path, &[]).expect("writes");
    assert_eq!(read_trace(&path).expect("reads"), []);
}

#[test]
fn other_files_are_no_traces() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.csv");
    let header = "iteration,iou,pixel_accuracy,l2,linf,multiplier\n";
    for (content, expected) in [
        ("step,loss\n1,2\n".to_string(), "its header is `step,loss`"),
        (format!("{header}0,1,2,3,4\n"), "is no trace"),
        (format!("{header}0,1,2,three,4,5\n"), "is no trace"),
    ] {
        fs::write(&path, content).expect("writes");
        let message = read_trace(&path).expect_err("no trace").to_string();
        assert!(
            message.contains(expected) && message.contains("trace.csv"),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
    }
    assert!(read_trace(folder.path().join("none.csv")).is_err());
}

#[test]
fn a_summary_survives_a_round_trip() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("summary.json");
    let summary = Summary {
        precision: "f16".into(),
        asma_version: "0.1.0".into(),
        image: "a.png".into(),
        target: "b.png".into(),
        weights: "w.safetensors".into(),
        network: "SimpleUnet".into(),
        device: "cpu".into(),
        preset: Some("rim-one".into()),
        preparation: "crop 10,70,408,408, pad 82:edge".into(),
        input_size: [572, 572],
        output_size: [388, 388],
        settings: AttackSettings::Asma(AsmaSettings {
            classes: vec![0, 1],
            schedule: "one-forward".into(),
            mask: "adaptive".into(),
            objective: "logit".into(),
            multiplier: "dynamic".into(),
            tau: 1e-7,
            beta: 1e-6,
            automatic: false,
            lambda: 1.0,
            cap: Some(0.1),
            iteration_limit: 500,
            stop_iou: Some(0.95),
            refine: true,
            refining_limit: None,
            reached: Some(40),
            patience: None,
        }),
        region: None,
        iterations: 60,
        saved: "best".into(),
        best_iteration: 59,
        stop_reason: "all iterations ran".into(),
        results: Results {
            before: SCORES,
            last: SCORES,
            best: SCORES,
            rounded_to_8_bits: SCORES,
        },
        own_format: None,
        likeness: Some(Likeness {
            linf: 0.1,
            psnr: None,
            ssim: 0.5,
            in_words: "hard to see".into(),
        }),
        seconds: 1.5,
    };
    write_summary(&path, &summary).expect("writes");
    assert_eq!(read_summary(&path).expect("reads"), summary);
    let text = fs::read_to_string(&path).expect("reads");
    assert!(text.contains("\n  \"tau\": 1e-7,\n"), "{text}");
    fs::write(&path, "{}").expect("writes");
    let message = read_summary(&path).expect_err("no summary").to_string();
    assert!(message.contains("is no summary"), "{message}");
}

#[test]
fn labels_have_their_colours() {
    let labels = LabelMap::new(1, 3, vec![0, 1, IGNORE]).expect("fits");
    let picture = colour_labels(&labels).expect("fits");
    let pixels: Vec<Rgb<u8>> = picture.pixels().copied().collect();
    assert_eq!(
        pixels,
        [Rgb([0, 0, 0]), Rgb(class_colour(1)), Rgb([128, 128, 128])]
    );
    let mut colours: Vec<[u8; 3]> = (0..22).chain([IGNORE]).map(class_colour).collect();
    colours.sort();
    colours.dedup();
    assert_eq!(colours.len(), 23);
}

#[test]
fn an_overlay_tints_and_outlines_in_the_window() {
    let image = Tensor::from_fn(Shape::new(1, 3, 9, 11), |_, _, _, _| 0.2);
    // The map of 5×7 lies two pixels from each edge; its class 1 is a 3×3 square in the middle.
    let labels = LabelMap::from_fn(5, 7, |y, x| u8::from((1..4).contains(&y) && (2..5).contains(&x)))
        .expect("not empty");
    let picture = overlay(&image, &labels).expect("fits");
    let grey = Rgb([51, 51, 51]);
    for (x, y, &pixel) in picture.enumerate_pixels() {
        let (inside_x, inside_y) = ((4..7).contains(&x), (3..6).contains(&y));
        if !(inside_x && inside_y) {
            assert_eq!(pixel, grey, "column {x}, row {y}");
        } else if (x, y) == (5, 4) {
            assert!(pixel != grey && pixel != Rgb(class_colour(1)));
        } else {
            assert_eq!(pixel, Rgb(class_colour(1)), "column {x}, row {y}");
        }
    }
    let large = LabelMap::new(10, 11, vec![0; 110]).expect("fits");
    let message = overlay(&image, &large).expect_err("too large").to_string();
    assert!(message.contains("10 rows and 11 columns"), "{message}");
}

#[test]
fn a_perturbation_is_magnified_about_mid_grey() {
    let tensor = |data: &[f32]| Tensor::new(Shape::new(1, 1, 1, 4), data.to_vec()).expect("fits");
    let source = tensor(&[0.5, 0.5, 0.5, 0.5]);
    let picture = perturbation_picture(&source, &tensor(&[0.5, 0.502, 0.4, 0.6])).expect("same shape");
    for (found, expected) in picture.data().iter().zip([0.5, 0.7, 0.0, 1.0]) {
        approx::assert_abs_diff_eq!(*found, expected, epsilon = 1e-4);
    }
    let other = Tensor::zeros(Shape::new(1, 1, 2, 2));
    let message = perturbation_picture(&source, &other)
        .expect_err("another shape")
        .to_string();
    assert!(
        message.contains("1×1×1×4") && message.contains("1×1×2×2"),
        "{message}"
    );
}

/// A figure of an image of `height`×`width` with labels smaller by `border` on each side.
fn figure(height: usize, width: usize, border: usize) -> Figure {
    let shape = Shape::new(1, 3, height, width);
    let source = Tensor::from_fn(shape, |_, c, y, x| {
        let (down, across) = (y as f32 / height as f32, x as f32 / width as f32);
        (0.7 * down + 0.3 * across) / (c + 1) as f32
    });
    let mut adversarial = source.clone();
    for (index, value) in adversarial.data_mut().iter_mut().enumerate() {
        *value += 0.004 * (index as f32 / 50.0).sin();
    }
    let (rows, columns) = (height - 2 * border, width - 2 * border);
    let disc = |middle: f32, class: u8| {
        LabelMap::from_fn(rows, columns, |y, x| {
            let down = (y as f32 + 0.5) / rows as f32 - 0.5;
            let across = (x as f32 + 0.5) / columns as f32 - middle;
            if down.hypot(across) < 0.2 { class } else { 0 }
        })
        .expect("not empty")
    };
    let target = disc(0.7, 1);
    let moment = |iteration: u32, middle: f32| Moment {
        iteration,
        mask: LabelMap::adaptive_mask(&target, &disc(middle, 1)).expect("same size"),
    };
    Figure {
        mask_name: "Adaptive mask".into(),
        image_name: "photograph.png".into(),
        target_name: "target.png".into(),
        subtitle: "SimpleUnet · one-forward · 400 iterations".into(),
        source,
        source_prediction: disc(0.3, 2),
        moments: vec![
            moment(0, 0.3),
            moment(130, 0.4),
            moment(260, 0.5),
            moment(399, 0.65),
        ],
        adversarial_prediction: disc(0.69, 1),
        target,
        target_kind: "target".into(),
        adversarial,
        scores: SCORES,
        scores_of: "after rounding to 8 bits, iteration 399".into(),
        trace: (0..400)
            .map(|iteration| row(iteration, iteration as f32 / 500.0))
            .collect(),
    }
}

/// How many pixels of an area are exactly of this colour.
fn count(picture: &RgbImage, x: u32, y: u32, side: u32, colour: Rgb<u8>) -> usize {
    (y..y + side)
        .flat_map(|y| (x..x + side).map(move |x| (x, y)))
        .filter(|&(x, y)| picture.get_pixel(x, y) == &colour)
        .count()
}

#[test]
fn a_figure_has_its_size_and_shows_its_panels() {
    let drawn = draw_figure(&figure(120, 120, 16)).expect("draws");
    assert_eq!(drawn.dimensions(), (1366, 1252));
    let white = Rgb([255, 255, 255]);
    // A margin of white all around.
    for x in 0..drawn.width() {
        assert!(*drawn.get_pixel(x, 5) == white && *drawn.get_pixel(x, drawn.height() - 5) == white);
    }
    for y in 0..drawn.height() {
        assert!(*drawn.get_pixel(5, y) == white && *drawn.get_pixel(drawn.width() - 5, y) == white);
    }
    // The twelve panels: none is blank.
    for line in 0..3 {
        for column in 0..4 {
            let (x, y) = (44 + column * 326, 140 + line * 356);
            assert!(
                count(&drawn, x, y, 300, white) < 300 * 300 - 1000,
                "row {line}, column {column}"
            );
        }
    }
    // The target's disc: a fifth of the output's 220 panel pixels as radius.
    let disc = count(&drawn, 44 + 2 * 326, 140, 300, Rgb(class_colour(1))) as f32;
    let area = std::f32::consts::PI * (0.2 * 220.0f32).powi(2);
    assert!((disc / area - 1.0).abs() < 0.05, "{disc} of {area}");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("figure.png");
    write_rgb_image(&path, &drawn).expect("writes");
    assert_eq!(
        read_image(&path).expect("reads").shape(),
        Shape::new(1, 3, 1252, 1366)
    );
}

#[test]
fn odd_figures_are_drawn_too() {
    let mut sparse = figure(40, 90, 0);
    sparse.moments.truncate(1);
    sparse.trace.clear();
    sparse.image_name = "a very long name ".repeat(50);
    sparse.scores.l2 = f32::NAN;
    assert_eq!(draw_figure(&sparse).expect("draws").width(), 1366);
    let mut short = figure(1, 1, 0);
    short.trace.truncate(1);
    assert_eq!(draw_figure(&short).expect("draws").width(), 1366);
    draw_figure(&figure(2, 900, 0)).expect("draws");

    // So many classes that the legend takes more rows.
    let mut many = figure(64, 64, 4);
    many.target = LabelMap::from_fn(56, 56, |y, _| y as u8).expect("not empty");
    let plain = draw_figure(&figure(64, 64, 4)).expect("draws");
    assert!(draw_figure(&many).expect("draws").height() > plain.height());
}

/// The pixels above the panels.
fn headline(figure: &Figure) -> Vec<u8> {
    let drawn = draw_figure(figure).expect("draws");
    image::imageops::crop_imm(&drawn, 0, 0, 1366, 88)
        .to_image()
        .into_raw()
}

#[test]
fn the_headline_shows_both_names_however_long() {
    let named = |image: &str, target: &str| {
        let mut figure = figure(40, 40, 4);
        (figure.image_name, figure.target_name) = (image.into(), target.into());
        headline(&figure)
    };
    let long = "LIDC-IDRI-0001_1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192_42_high";
    assert!(named(long, "shift:5,5") != named(long, "shift:5,6"));
    assert!(named("a.png", long) != named("b.png", long));
    // Beginning and end are what tells files apart.
    let other = |first: char, last: char| format!("{first}{long}{last}");
    assert!(named(&other('a', 'c'), "x") != named(&other('b', 'c'), "x"));
    assert!(named(&other('a', 'c'), "x") != named(&other('a', 'd'), "x"));
    assert!(named(&other('a', 'c'), long) != named(&other('a', 'd'), long));
    assert_eq!(
        named(&"wide ".repeat(80), long).len(),
        1366 * 88 * 3,
        "the sheet is as wide as ever"
    );
}

#[test]
fn names_that_the_fonts_cannot_write_are_called_image_and_target() {
    let named = |image: &str, target: &str| {
        let mut figure = figure(40, 40, 4);
        (figure.image_name, figure.target_name) = (image.into(), target.into());
        headline(&figure)
    };
    let plain = named("image", "target");
    for name in [
        "眼底照片_左眼.png",
        "かな.png",
        "눈.png",
        "scan😀.png",
        "a\nb.png",
    ] {
        assert!(named(name, name) == plain, "{name}");
        assert!(named(name, "left.png") != plain, "{name}");
    }
    // What they can write stays.
    assert!(named("Füße, naïve Ω я.png", "target") != plain);
    // A device or a network of such a name loses no more than those characters.
    let mut figure = figure(40, 40, 4);
    figure.subtitle = "SimpleUnet · 眼one-forward · 400 iterations".into();
    let boxless = headline(&figure);
    figure.subtitle = "SimpleUnet · one-forward · 400 iterations".into();
    assert!(headline(&figure) == boxless);
}

#[test]
fn impossible_figures_are_refused() {
    let mut crowded = figure(40, 40, 4);
    crowded.moments.extend(crowded.moments.clone());
    let message = draw_figure(&crowded).expect_err("too many").to_string();
    assert!(message.contains("8 were given"), "{message}");

    let mut apart = figure(40, 40, 4);
    apart.adversarial = Tensor::zeros(Shape::new(1, 3, 41, 40));
    assert!(draw_figure(&apart).is_err());

    let mut large = figure(40, 40, 4);
    large.target = LabelMap::new(50, 50, vec![0; 2500]).expect("fits");
    let message = draw_figure(&large).expect_err("too large").to_string();
    assert!(message.contains("50 rows and 50 columns"), "{message}");
}
