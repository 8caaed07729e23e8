//! `report.html`, on made-up records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use asma::Result;
use asma::attack::Purpose;
use asma::data::write_rgb_image;
use asma::evaluate::{
    ClassCounts, Evaluation, GetPictures, Measured, Measures, PairNames, Pictures, Record, Report, Setting,
    Summary, TraceRecord, Verdict, saved_pictures, write_report,
};
use image::{Rgb, RgbImage};

const HOSTILE: &str = "</script><img src=x onerror=\"document.title='broken'\">'&amp;{{ 7*7 }}<!--.png";

/// A number from 0 to 1 that looks random.
fn noise(seed: usize) -> f32 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1u64 << 24) as f32
}

fn setting(name: &str, varied: &[(&str, &str)]) -> Setting {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    Setting {
        name: name.into(),
        attack: name.split(' ').next().unwrap_or(name).into(),
        varied: varied.iter().map(owned).collect::<BTreeMap<_, _>>(),
        losses: vec![],
        config: serde_json::json!({ "steps": 40, "note": HOSTILE }),
    }
}

struct Made {
    evaluation: Evaluation,
    records: Vec<Record>,
    traces: Vec<TraceRecord>,
}

impl Made {
    /// Records of `pairs` pairs, of which the fifth fails.
    fn new(pairs: usize, settings: Vec<Setting>) -> Made {
        let names = |pair: usize| match pair {
            3 => HOSTILE.to_string(),
            pair => format!("image_{pair}.png"),
        };
        let thresholds = vec![0.5, 0.75, 0.9];
        let pair_names = |pair| PairNames {
            image: names(pair),
            target: format!("masks/{}", names(pairs - 1 - pair)),
            label: None,
            region: None,
        };
        let evaluation = Evaluation {
            asma_version: "0.1.0".into(),
            weights: format!("weights/{HOSTILE}"),
            weights_checksum: "0badcafe".into(),
            network: "SimpleUnet, 3 channels in, 2 classes".into(),
            precision: "f32".into(),
            preparation: "resized to 256×256".into(),
            pairing: "random, seed 1".into(),
            purpose: Purpose::Targeted,
            thresholds: thresholds.clone(),
            saves: true,
            pairs: (0..pairs).map(pair_names).collect(),
            settings,
        };
        let count = evaluation.settings.len();
        let mut made = Made {
            evaluation,
            records: vec![],
            traces: vec![],
        };
        for task in 0..pairs * count {
            let (pair, place) = (task / count, task % count);
            let iou = (0.55 + 0.4 * noise(task) + 0.05 * place as f32).min(1.0);
            let linf = (1.0 + (11.0 * noise(task + 7)).floor() + 3.0 * place as f32) / 255.0;
            let verdict = match pair {
                4 => Verdict::Failed {
                    reason: format!("{}: is no image", names(4)),
                },
                _ => Verdict::Done(Box::new(measured(task, iou, linf, &thresholds))),
            };
            let last = 20 + (180.0 * noise(task + 3)) as u32;
            if pair != 4 {
                let iteration: Vec<u32> = (0..=last).step_by(5).collect();
                let share = |at: &u32| 1.0 - (-3.0 * *at as f32 / last as f32).exp();
                made.traces.push(TraceRecord {
                    task,
                    iou: iteration.iter().map(|at| 0.1 + (iou - 0.1) * share(at)).collect(),
                    l2: iteration.iter().map(|at| 60.0 * linf * share(at)).collect(),
                    linf: iteration.iter().map(|at| linf * share(at)).collect(),
                    iteration,
                });
            }
            made.records.push(Record {
                task,
                pair,
                setting: made.evaluation.settings[place].name.clone(),
                image: names(pair),
                target: made.evaluation.pairs[pair].target.clone(),
                verdict,
            });
        }
        made
    }

    fn report(&self, path: &Path, pictures: GetPictures<'_>) -> Result<()> {
        let report = Report {
            evaluation: &self.evaluation,
            summary: &Summary::new(&self.evaluation, &self.records),
            records: &self.records,
            traces: &self.traces,
        };
        write_report(path, &report, pictures)
    }

    /// The page, and how many records were asked for pictures.
    fn write(&self, path: &Path, pictures: impl Fn(&Record) -> Result<Option<Pictures>>) -> (String, usize) {
        let mut asked = 0;
        let mut counted = |record: &Record| {
            asked += 1;
            pictures(record)
        };
        self.report(path, &mut counted).expect("writes");
        (std::fs::read_to_string(path).expect("reads"), asked)
    }
}

fn measured(task: usize, iou: f32, linf: f32, thresholds: &[f32]) -> Measured {
    let measures = |iou: f32| Measures {
        iou,
        pixel_accuracy: 0.9 + 0.1 * noise(task + 1),
        classes: vec![ClassCounts {
            target: 5,
            prediction: 4,
            both: 3,
        }],
        l1: 900.0 * f64::from(linf),
        l2: 60.0 * linf,
        linf,
        psnr: Some(38.0 + f64::from(noise(task + 2))),
        ssim: 0.98,
        success: thresholds.iter().map(|threshold| iou >= *threshold).collect(),
    };
    Measured {
        input_size: [256, 256],
        device: "cpu".into(),
        clean_iou: Some(0.91),
        iou_before: 0.1 + 0.1 * noise(task + 5),
        pixel_accuracy_before: 0.7,
        float: measures(iou),
        as_8_bits: measures(iou - 0.01),
        iterations: 20 + (180.0 * noise(task + 3)) as u32,
        best_iteration: 19,
        stop: "the IoU was reached".into(),
        forward_passes: 40,
        backward_passes: 40,
        seconds: 1.5,
        notes: Vec::new(),
        losses: vec![],
    }
}

fn two_settings() -> Vec<Setting> {
    vec![
        setting("asma mask=adaptive", &[("mask", "adaptive")]),
        setting("asma mask=static", &[("mask", "static")]),
    ]
}

/// A made-up photograph of a disc, and the same with noise.
fn photographs(record: &Record, side: u32) -> Pictures {
    let tint = (40 * record.task % 160) as u8;
    let source = RgbImage::from_fn(side, side * 3 / 4, |x, y| {
        let middle = side as f32 / 2.0;
        let distance = (x as f32 - middle).hypot(y as f32 - 0.75 * middle) / middle;
        let light = ((1.2 - distance).clamp(0.1, 1.0) * 200.0) as u8;
        Rgb([light, light / 2 + tint / 4, 90 + tint / 2])
    });
    let mut adversarial = source.clone();
    for (index, value) in adversarial.iter_mut().enumerate() {
        *value = value.saturating_add((9.0 * noise(index)) as u8).saturating_sub(4);
    }
    Pictures { source, adversarial }
}

fn nothing(_: &Record) -> Result<Option<Pictures>> {
    Ok(None)
}

#[test]
fn a_report_holds_its_numbers_and_names_nothing_to_fetch() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Made::new(10, two_settings());
    let (page, asked) = made.write(&folder.path().join("report.html"), |record| {
        Ok(Some(photographs(record, 300)))
    });
    assert_eq!(asked, 18, "of each that is done");
    assert!(page.contains("<b>18</b><span>attacks done, <strong class=\"bad\">2 failed</strong>"));
    let mean = |setting: &str| {
        let own = made.records.iter().filter(|record| record.setting == setting);
        let ious: Vec<f64> = own
            .filter_map(|record| match &record.verdict {
                Verdict::Done(measured) => Some(measured.as_8_bits.iou.into()),
                Verdict::Failed { .. } => None,
            })
            .collect();
        ious.iter().sum::<f64>() / ious.len() as f64
    };
    let best = two_settings()
        .iter()
        .map(|setting| mean(&setting.name))
        .fold(0.0, f64::max);
    assert!(
        page.contains(&format!("<b>{best:.3} <i>± ")),
        "the better setting's mean, {best:.3}"
    );
    for title in [
        "IoU over iterations",
        "L₂ over iterations",
        "Histogram of L∞",
        "Success against threshold",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert!(!page.contains("IoU over eps"));
    assert_eq!(page.matches("<svg width=\"440\"").count(), 4);
    // Three of each record that is done, and what the policy and the comment of the script say.
    assert_eq!(page.matches("\"data:image/jpeg;base64,").count(), 3 * 18);
    // Every address in it is one of these: of the page's own parts, and the name of SVG's namespace.
    for attribute in ["src=\"", "href=\"", "url(", "@import", "http://", "https://"] {
        for (place, _) in page.match_indices(attribute) {
            let rest: String = page[place..].chars().take(40).collect();
            let known = ["href=\"#pairs\"", "http://www.w3.org/2000/svg\">"];
            assert!(known.iter().any(|known| rest.starts_with(known)), "{rest}");
        }
    }
}

#[test]
fn no_name_breaks_out_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = two_settings();
    settings[0].name = HOSTILE.into();
    let mut made = Made::new(10, settings);
    made.evaluation.network = HOSTILE.into();
    made.evaluation.preparation = HOSTILE.into();
    made.evaluation.pairing = HOSTILE.into();
    let (page, _) = made.write(&folder.path().join("report.html"), nothing);
    assert!(!page.contains("<img src=x"), "written as it is");
    assert!(!page.contains("<!--"), "a comment begins");
    assert!(page.contains("{{ 7*7 }}"), "its text is taken for a template");
    assert_eq!(page.matches("</script>").count(), 2);
    assert_eq!(page.matches("<script").count(), 2);
    let data = page.split_once("id=\"data\">").expect("data").1;
    let data = data.split_once("</script>").expect("its end").0;
    let table: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert!(
        table["names"]
            .as_array()
            .expect("names")
            .iter()
            .any(|name| name == HOSTILE)
    );
    assert_eq!(table["rows"].as_array().expect("rows").len(), 20);
    assert_eq!(table["reasons"]["8"], "image_4.png: is no image");
}

#[test]
fn settings_that_differ_in_eps_make_a_curve() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ["1/255", "2/255", "4/255", "8/255"]
        .map(|eps| setting(&format!("pgd eps={eps}"), &[("eps", eps)]))
        .into();
    let (page, _) = Made::new(6, settings).write(&folder.path().join("report.html"), nothing);
    assert!(page.contains("IoU over eps"));
    assert!(page.contains("pgd: median"), "the family is named without eps");
    assert!(page.contains("at eps 0.0039"));
}

#[test]
fn odd_evaluations_have_reports_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    // No record at all, records without traces, failures alone, no thresholds, many settings, all zero.
    let mut none = Made::new(10, two_settings());
    none.records.clear();
    none.traces.clear();
    assert!(none.write(&path, nothing).0.contains("No attack is done."));
    let mut untraced = Made::new(10, two_settings());
    untraced.traces.clear();
    untraced.evaluation.thresholds.clear();
    assert!(
        untraced
            .write(&path, nothing)
            .0
            .contains("Success against threshold")
    );
    // Nothing to attack: the traces are there and empty.
    let mut idle = Made::new(3, two_settings());
    for trace in &mut idle.traces {
        trace.iteration.clear();
        for values in [&mut trace.iou, &mut trace.l2, &mut trace.linf] {
            values.clear();
        }
    }
    idle.evaluation.thresholds = vec![0.99, 0.999];
    let page = idle.write(&path, nothing).0;
    assert!(!page.contains("IoU over iterations"), "a plot of nothing");
    assert!(page.contains("success at 0.99<") && page.contains("success at 0.999<"));
    let mut failed = Made::new(10, two_settings());
    failed
        .records
        .retain(|record| matches!(record.verdict, Verdict::Failed { .. }));
    assert!(
        failed
            .write(&path, nothing)
            .0
            .contains("<strong class=\"bad\">2 failed")
    );
    let many = (0..11)
        .map(|index| setting(&format!("pgd {index}"), &[]))
        .collect();
    let page = Made::new(3, many).write(&path, nothing).0;
    assert!(page.contains("The plots show the first 8 settings; 3 more stand in the tables."));
    let mut still = Made::new(1, vec![setting("asma", &[])]);
    still.traces[0].iteration.truncate(1);
    still.traces[0].l2 = vec![0.0];
    for record in &mut still.records {
        if let Verdict::Done(measured) = &mut record.verdict {
            (measured.as_8_bits.linf, measured.as_8_bits.psnr) = (0.0, None);
        }
    }
    assert!(still.write(&path, nothing).0.contains("Histogram of L∞"));
    let mut away = Made::new(10, two_settings());
    away.evaluation.purpose = Purpose::Untargeted;
    let page = away.write(&path, nothing).0;
    assert!(page.contains("lowest mean IoU") && page.contains("threshold of 1 − IoU"));
}

#[test]
fn what_cannot_be_reported_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    let mut made = Made::new(10, two_settings());
    let unequal = |record: &Record| {
        let mut pictures = photographs(record, 60);
        pictures.adversarial = RgbImage::new(7, 7);
        Ok(Some(pictures))
    };
    let refused = |made: &Made, mut pictures: &dyn Fn(&Record) -> Result<Option<Pictures>>| {
        made.report(&path, &mut pictures)
            .expect_err("refused")
            .to_string()
    };
    let message = refused(&made, &unequal);
    assert!(message.contains("60×45 and 7×7"), "{message}");
    made.records[2].setting = "other".into();
    let message = refused(&made, &nothing);
    assert!(message.contains("`other`"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 0);
}

#[test]
fn what_was_saved_of_a_record_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Made::new(2, two_settings());
    let saved = folder.path().join("1");
    std::fs::create_dir_all(&saved).expect("creates");
    let record = &made.records[1];
    assert!(
        saved_pictures(folder.path(), record)
            .expect("nothing there")
            .is_none()
    );
    let kept = photographs(record, 20);
    write_rgb_image(saved.join("source.png"), &kept.source).expect("writes");
    assert!(
        saved_pictures(folder.path(), record)
            .expect("one of two")
            .is_none()
    );
    write_rgb_image(saved.join("adversarial.png"), &kept.adversarial).expect("writes");
    let found = saved_pictures(folder.path(), record)
        .expect("reads")
        .expect("is there");
    assert!(found.source == kept.source && found.adversarial == kept.adversarial);
    std::fs::write(saved.join("source.png"), "no image").expect("writes");
    assert!(saved_pictures(folder.path(), record).is_err());
}

#[test]
fn ten_thousand_pairs_stay_under_20_megabytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Made::new(10_000, vec![setting("asma", &[])]);
    let start = Instant::now();
    // Noise all over is what takes most bytes.
    let pictures = photographs(&made.records[0], 300);
    let noisy = RgbImage::from_fn(300, 225, |x, y| {
        Rgb([0, 1, 2].map(|channel| (255.0 * noise((x + 300 * y) as usize * 3 + channel)) as u8))
    });
    let noisy = Pictures {
        source: noisy.clone(),
        adversarial: noisy,
    };
    for pictures in [pictures, noisy] {
        let (page, asked) = made.write(&folder.path().join("report.html"), |_| Ok(Some(pictures.clone())));
        assert!(page.len() < 20 << 20, "{} bytes", page.len());
        assert!((100..=300).contains(&asked), "{asked} have pictures");
        assert!(page.contains(&format!("pictures of the first {asked} attacks only")));
        eprintln!("{} bytes with pictures of {asked}", page.len());
    }
    eprintln!("written twice in {:.1} s", start.elapsed().as_secs_f64());
}

/// Runs `tests/browser/report.py` on made-up reports, if there are a Chromium and Selenium.
#[test]
fn a_browser_opens_sorts_filters_and_fetches_nothing() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (small, large) = (folder.join("report_small.html"), folder.join("report_large.html"));
    let settings = ["1/255", "2/255", "4/255"]
        .iter()
        .flat_map(|eps| ["adaptive", "static"].map(|mask| (eps, mask)))
        .map(|(eps, mask)| {
            setting(
                &format!("asma mask={mask} eps={eps}"),
                &[("mask", mask), ("eps", eps)],
            )
        })
        .collect();
    let pictured = |record: &Record| Ok((record.pair != 5).then(|| photographs(record, 256)));
    Made::new(20, settings).write(&small, pictured);
    Made::new(10_000, vec![setting("asma", &[])]).write(&large, pictured);
    // Debian has Selenium for its own Python.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/report.py");
    let required = std::env::var("ASMA_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
    let run = Command::new("/usr/bin/python3")
        .arg(script)
        .args([&small, &large])
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            assert!(
                !required,
                "ASMA_REQUIRE_BROWSER=1, but there is no /usr/bin/python3: {error}"
            );
            eprintln!("skipped in a browser: there is no /usr/bin/python3");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}");
    match output.status.code() {
        Some(0) => {}
        // What it needs is not there.
        Some(77) => assert!(!required, "ASMA_REQUIRE_BROWSER=1, but {said}"),
        _ => panic!("the report fails in a browser: {said}"),
    }
}
