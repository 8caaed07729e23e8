//! The loss curve of a training run.

use asma::report::{best_epoch, loss_curve_svg, write_loss_curve};
use asma::{EpochRow, Error};

/// Epochs from 1 whose losses fall as `1/epoch` and whose IoU is highest at `best`.
fn rows(count: u32, best: u32) -> Vec<EpochRow> {
    let row = |epoch: u32| EpochRow {
        epoch,
        training_loss: 0.9 / f64::from(epoch),
        validation_loss: 0.1 + 0.9 / f64::from(epoch),
        validation_iou: 0.9 - 0.002 * f64::from(epoch.abs_diff(best)),
        learning_rate: 1e-3,
    };
    (1..=count).map(row).collect()
}

/// The texts of an SVG. Every element must be closed in its order.
fn texts(svg: &str) -> Vec<String> {
    let mut open = Vec::new();
    let mut texts = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let text = rest[..start].trim();
        assert!(!text.contains('>') && !text.contains("& "), "{text}");
        if !text.is_empty() {
            assert_eq!(
                open.last(),
                Some(&"text"),
                "text outside of a text element: {text}"
            );
            texts.push(text.to_string());
        }
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "elements are nested");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} left open");
    texts
}

/// The numbers of points of each curve with more than `least` of them.
fn curves(svg: &str, least: usize) -> Vec<usize> {
    svg.lines()
        .filter(|line| line.starts_with("<polyline"))
        .filter_map(|line| line.split("points=\"").nth(1))
        .map(|points| points.split('"').next().unwrap_or("").split_whitespace().count())
        .filter(|&count| count > least)
        .collect()
}

#[test]
fn a_curve_shows_every_epoch_and_says_what_it_shows() {
    let svg = loss_curve_svg("fundus, base 8", &rows(25, 17)).expect("draws");
    let texts = texts(&svg);
    for wanted in [
        "fundus, base 8",
        "epoch",
        "loss",
        "validation IoU",
        "training loss",
        "validation loss",
        "best epoch: 17, IoU 0.9000",
    ] {
        assert!(texts.iter().any(|text| text == wanted), "{wanted} in {texts:?}");
    }
    // Nothing is written twice but by the two axes.
    assert_eq!(texts.iter().filter(|text| *text == "loss").count(), 1);
    assert_eq!(curves(&svg, 2), [25, 25, 25]);
    // A dot for each point, three for the best one and two in the legend.
    assert_eq!(svg.matches("<circle").count(), 3 * 25 + 3 + 2);
    let many = loss_curve_svg("many", &rows(300, 17)).expect("draws");
    assert_eq!(curves(&many, 2), [300, 300, 300]);
    assert_eq!(many.matches("<circle").count(), 3 + 2);
}

#[test]
fn the_best_epoch_is_the_first_of_the_highest() {
    assert_eq!(best_epoch(&rows(25, 17)).expect("rows").epoch, 17);
    let mut equal = rows(5, 2);
    equal[3].validation_iou = equal[1].validation_iou;
    equal[3].validation_loss = equal[1].validation_loss;
    assert_eq!(best_epoch(&equal).expect("rows").epoch, 2);
    // Of equal IoUs, as of two epochs that predict nothing yet, the lower loss tells.
    equal[3].validation_loss -= 0.01;
    assert_eq!(best_epoch(&equal).expect("rows").epoch, 4);
    assert_eq!(best_epoch(&[]), None);
}

#[test]
fn losses_over_decades_get_a_logarithmic_axis() {
    let mut wide = rows(30, 30);
    for row in &mut wide {
        row.training_loss = 10f64.powi(-(row.epoch as i32) / 4);
        row.validation_loss = 2.0 * row.training_loss;
    }
    let texts = texts(&loss_curve_svg("wide", &wide).expect("draws"));
    for wanted in ["loss (logarithmic)", "1", "0.01", "1e-6"] {
        assert!(texts.iter().any(|text| text == wanted), "{wanted} in {texts:?}");
    }
}

#[test]
fn odd_runs_are_drawn_too() {
    let one = loss_curve_svg("one", &rows(1, 1)).expect("draws");
    assert!(texts(&one).contains(&"best epoch: 1, IoU 0.9000".to_string()));
    assert_eq!(one.matches("<circle").count(), 3 + 3 + 2);
    for (training, validation) in [
        (0.0, 0.0),
        (0.5, 0.5),
        (-3.0, 2.0),
        (-1e30, 1e30),
        (f64::MIN_POSITIVE, 1e30),
        (1e9, 1e9 + 1e-6),
        (0.0, 1e-300),
    ] {
        for count in [1, 2, 7] {
            let mut rows = rows(count, 1);
            for row in &mut rows {
                (row.training_loss, row.validation_loss) = (training, validation);
                row.epoch += u32::MAX - 8;
            }
            texts(&loss_curve_svg("odd", &rows).expect("draws"));
        }
    }
    let title = format!("a < b & \"c\"\u{7}\n{}", "long ".repeat(50));
    let texts = texts(&loss_curve_svg(&title, &rows(3, 1)).expect("draws"));
    assert!(
        texts[0].starts_with("a &lt; b &amp; &quot;c&quot;  long"),
        "{}",
        texts[0]
    );
    assert!(texts[0].ends_with('…'), "{}", texts[0]);
}

#[test]
fn impossible_curves_are_refused() {
    assert!(matches!(loss_curve_svg("none", &[]), Err(Error::Usage(_))));
    let change = |change: fn(&mut EpochRow)| {
        let mut rows = rows(4, 1);
        change(&mut rows[2]);
        loss_curve_svg("bad", &rows).expect_err("refused")
    };
    for (error, words) in [
        (
            change(|row| row.training_loss = f64::NAN),
            "training loss of epoch 3 is NaN",
        ),
        (
            change(|row| row.validation_loss = f64::INFINITY),
            "validation loss of epoch 3 is inf",
        ),
        (
            change(|row| row.validation_iou = f64::NAN),
            "validation IoU of epoch 3 is NaN",
        ),
    ] {
        assert!(matches!(error, Error::NotFinite(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = change(|row| row.validation_iou = 1.5).to_string();
    assert!(error.contains("epoch 3 is 1.5"), "{error}");
    let error = change(|row| row.training_loss = -1e31).to_string();
    assert!(error.contains("epoch 3 is -1e31"), "{error}");
}

#[test]
fn a_curve_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loss.svg");
    write_loss_curve(&path, "run", &rows(4, 2)).expect("writes");
    let written = std::fs::read_to_string(&path).expect("reads");
    assert_eq!(written, loss_curve_svg("run", &rows(4, 2)).expect("draws"));
    assert!(write_loss_curve(&path, "run", &[]).is_err());
    assert_eq!(std::fs::read_to_string(&path).expect("reads"), written);
    assert!(write_loss_curve(folder.path().join("none/loss.svg"), "run", &rows(4, 2)).is_err());
}
