//! What a job writes in the format of the file that its image was read from.

use std::path::{Path, PathBuf};

use asma::data::{Original, read_image};
use asma::job::{ImageSource, Job, Performed, write_results};
use image::{DynamicImage, ImageBuffer, Rgb};

use crate::{Case, INPUT};

/// The image of a case with 16 bits.
fn deep(case: &Case) -> PathBuf {
    let of = |channel: usize, y: u32, x: u32| {
        (f64::from(case.image.at(0, channel, y as usize, x as usize)) * 65535.0).round() as u16
    };
    let values = ImageBuffer::<Rgb<u16>, _>::from_fn(INPUT.w as u32, INPUT.h as u32, |x, y| {
        Rgb([of(0, y, x), of(1, y, x), of(2, y, x)])
    });
    let path = case.path("deep.png");
    DynamicImage::ImageRgb16(values).save(&path).unwrap();
    path
}

fn attacked(case: &Case, image: &Path, and: impl FnOnce(&mut Job<'_>)) -> Performed {
    let target = case.target_file();
    let model = asma::job::ModelSource::File {
        path: &case.weights,
        options: &case.options,
    };
    let mut job = Job {
        config: case.config.clone().into(),
        ..Job::new(model, ImageSource::File(image), asma::job::Goal::Target(&target))
    };
    and(&mut job);
    job.run(&mut asma::job::OnCpu, &mut asma::job::Silent).unwrap()
}

#[test]
fn many_bits_are_kept_and_judged() {
    let case = Case::new();
    let performed = attacked(&case, &deep(&case), |_| ());
    let own = performed.own_format.as_ref().expect("a file");
    let summary = performed.summary.own_format.as_ref().expect("what it is worth");
    assert_eq!(*summary, own.judged);
    assert_eq!(summary.file, "adversarial_16_bits.png");
    assert!(summary.format.contains("16-bit RGB") && summary.changed > 0);
    // So much finer than 8 bits that it is nearly the exact image.
    let exact = performed.attacked.judged.saved_scores();
    assert_eq!(summary.scores.iou, exact.iou);
    assert!(
        (summary.scores.l2 - exact.l2).abs() < 1e-3,
        "{:?}",
        summary.scores
    );

    let out = case.path("out");
    std::fs::create_dir(&out).unwrap();
    write_results(&out, &performed).unwrap();
    let read = read_image(out.join(&summary.file)).unwrap();
    assert_eq!(read, own.file.image);
    let saved = &performed.attacked.judged.saved;
    let furthest = read
        .data()
        .iter()
        .zip(saved.data())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(furthest < 2.0 / 65535.0, "{furthest}");
    assert_eq!(
        asma::report::read_summary(out.join("summary.json")).unwrap(),
        performed.summary
    );

    // What was written once stands beside no other results.
    let plain = attacked(&case, &case.photograph, |_| ());
    assert!(plain.own_format.is_none() && plain.summary.own_format.is_none());
    write_results(&out, &plain).unwrap();
    assert!(Original::NAMES.iter().all(|name| !out.join(name).exists()));
}

#[test]
fn a_scaled_image_is_not_written_back_and_that_is_said() {
    let case = Case::new();
    let performed = attacked(&case, &deep(&case), |job| {
        job.input.preparation.resize = Some("20x20".parse().unwrap());
    });
    assert!(performed.own_format.is_none());
    let said = |note: &String| note.contains("is not written as PNG") && note.contains("resize 20x20");
    assert!(performed.notes.iter().any(said), "{:?}", performed.notes);
}

#[test]
fn a_file_that_is_gone_costs_no_attack() {
    struct Removing(PathBuf);
    impl asma::job::Listener for Removing {
        fn ended(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
    let case = Case::new();
    let path = deep(&case);
    let target = case.target_file();
    let job = Job {
        config: case.config.clone().into(),
        ..Job::new(
            case.loaded(),
            ImageSource::File(&path),
            asma::job::Goal::Target(&target),
        )
    };
    let performed = job
        .run(&mut asma::job::OnCpu, &mut Removing(path.clone()))
        .unwrap();
    assert!(performed.own_format.is_none());
    assert!(
        performed.notes.iter().any(|note| note.contains("deep.png")),
        "{:?}",
        performed.notes
    );
}

#[cfg(feature = "dicom")]
#[test]
fn colours_of_dicom_come_back_as_8_bits_keep_them() {
    use asma::data::{ImageOptions, read_photograph};

    use crate::scans::Dicom;

    let case = Case::new();
    let stored: Vec<u8> = (0..INPUT.h * INPUT.w)
        .flat_map(|pixel| (0..3).map(move |channel| (channel, pixel)))
        .map(|(channel, pixel)| (case.image.plane(0, channel)[pixel] * 255.0).round() as u8)
        .collect();
    let path = case.path("photo.dcm");
    std::fs::write(&path, Dicom::rgb(INPUT.w as u16, INPUT.h as u16, &stored).file()).unwrap();
    let performed = attacked(&case, &path, |_| ());
    let summary = performed.summary.own_format.as_ref().expect("what it is worth");
    assert_eq!(summary.scores, performed.summary.results.rounded_to_8_bits);
    let out = case.path("out");
    std::fs::create_dir(&out).unwrap();
    write_results(&out, &performed).unwrap();
    let read = read_photograph(out.join("adversarial.dcm"), &ImageOptions::default()).unwrap();
    assert_eq!(read.image, performed.attacked.judged.written);
    assert!(
        read.description.contains("DICOM, 8-bit RGB"),
        "{}",
        read.description
    );
}
