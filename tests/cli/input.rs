//! Input of all kinds: understood and said, or refused with the option that helps.

use asma::data::read_image;
use assert_cmd::Command;
use tiff::encoder::{TiffEncoder, colortype};

use crate::support::{SIZE, Workshop};

/// Runs a command that must succeed, and gives what it said on standard error and standard output.
fn done(mut command: Command) -> [String; 2] {
    let output = command.assert().success();
    let output = output.get_output();
    [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// The one line of a command that must fail.
fn refusal(mut command: Command) -> String {
    let output = command.assert().failure();
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("asma: ")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    lines[0].to_string()
}

#[test]
fn what_was_accepted_is_said_in_one_line_each_and_not_among_the_results() {
    let workshop = Workshop::new();
    workshop.mask("region.png", SIZE, |x, _| 255 * u8::from(x < 40));
    let [stderr, stdout] = done(workshop.attack("--iterations 1 --json --region region.png --out out"));
    for (role, words) in [
        ("model", "same convolutions, "),
        ("image", "48×48 pixels, PNG, 8-bit RGB"),
        ("sizes", "48×48, output as large"),
        ("region", "foreground 83.33 %"),
        (
            "target",
            "two levels read as background (0) and foreground (255); background 87.63 %",
        ),
    ] {
        let lines: Vec<_> = stderr
            .lines()
            .filter(|line| line.starts_with(&format!("{role}: ")))
            .collect();
        assert_eq!(lines.len(), 1, "{role}: {stderr}");
        assert!(lines[0].contains(words), "{stderr}");
    }
    serde_json::from_str::<serde_json::Value>(&stdout).expect("nothing but JSON");
}

#[test]
fn any_size_is_kept_by_a_network_of_padding_same() {
    let workshop = Workshop::new();
    image::RgbImage::from_fn(45, 47, |x, y| image::Rgb([(5 * x) as u8, (4 * y) as u8, 60]))
        .save(workshop.path("odd.png"))
        .unwrap();
    let odd = "--image odd.png --weights weights.safetensors --out out";
    let [stderr, _] = done(workshop.asma(&format!("segment {odd}")));
    assert!(stderr.contains("1 more columns and 1 more rows"), "{stderr}");
    let labels = image::open(workshop.path("out/labels.png")).unwrap();
    assert_eq!((labels.width(), labels.height()), (45, 47));
    done(workshop.asma(&format!(
        "attack {odd} --target class:1 --iterations 3 --tau auto"
    )));
    let saved = read_image(workshop.path("out/adversarial.png")).unwrap().shape();
    assert_eq!((saved.w, saved.h), (45, 47));
}

#[test]
fn weights_that_do_not_say_their_padding_are_asked_about() {
    let workshop = Workshop::new();
    let weights = asma::checkpoint::Checkpoint::open(workshop.path("weights.safetensors")).unwrap();
    let tensors: Vec<_> = weights
        .names()
        .map(|name| (name.to_string(), weights.tensor(name).unwrap()))
        .collect();
    asma::checkpoint::Checkpoint::from_tensors(tensors, Vec::<(String, String)>::new())
        .unwrap()
        .save(workshop.path("plain.safetensors"))
        .unwrap();
    let segment = "segment --image image.png --weights plain.safetensors --out out";
    let side = || image::open(workshop.path("out/labels.png")).unwrap().width();
    let [stderr, _] = done(workshop.asma(segment));
    assert!(
        stderr.contains("note: plain.safetensors does not say") && stderr.contains("`padding=same`"),
        "{stderr}"
    );
    assert!(side() < SIZE);
    let [stderr, _] = done(workshop.asma(&format!("{segment} --padding same")));
    assert!(!stderr.contains("note: plain.safetensors"), "{stderr}");
    assert_eq!(side(), SIZE);
    let [_, stdout] = done(workshop.asma("inspect plain.safetensors --padding same --size 48x48"));
    assert!(stdout.contains("same convolutions"), "{stdout}");
    let message = refusal(workshop.asma(&format!(
        "segment --image image.png --weights weights.safetensors --padding valid --out {}",
        "other"
    )));
    assert!(message.contains("pad `same`"), "{message}");
}

#[test]
fn options_say_what_a_file_does_not() {
    let workshop = Workshop::new();
    // Objects of three numbers beside a background.
    workshop.mask("numbers.png", SIZE, |x, y| {
        if y < 10 { 0 } else { 40 * (x / 16) as u8 + 40 }
    });
    let attack = |target: &str, more: &str| {
        workshop.asma(&format!(
            "attack --image image.png --target {target} --weights weights.safetensors --iterations 1 --out out {more}"
        ))
    };
    let message = refusal(attack("numbers.png", ""));
    for word in ["numbers.png", "40 (26.4 %)", "`mask-values=0:0,40:1"] {
        assert!(message.contains(word), "{message}");
    }
    let [stderr, _] = done(attack("numbers.png", "--mask-values 0:0,else:1"));
    assert!(stderr.contains("foreground 79.17 %"), "{stderr}");
    let [stderr, _] = done(attack("numbers.png", "--mask-threshold 100"));
    assert!(stderr.contains("foreground 26.39 %"), "{stderr}");
    let message = refusal(attack("numbers.png", "--mask-values 0:0,else:2"));
    assert!(message.contains("class 2"), "{message}");

    let mut stack = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut stack).unwrap();
    for page in [0u16, 3000] {
        let pixels = vec![page; 3 * (SIZE * SIZE) as usize];
        encoder
            .write_image::<colortype::RGB16>(SIZE, SIZE, &pixels)
            .unwrap();
    }
    workshop.write("stack.tif", stack.get_ref());
    let segment = |more: &str| {
        workshop.asma(&format!(
            "segment --image stack.tif --weights weights.safetensors --out out {more}"
        ))
    };
    assert!(refusal(segment("")).contains("`page=1` to `page=2`"));
    let [stderr, _] = done(segment("--page 2"));
    assert!(
        stderr.contains("page 2 of 2") && stderr.contains("`white=4095`"),
        "{stderr}"
    );
    let [stderr, _] = done(segment("--page 2 --white 4095"));
    assert!(
        stderr.contains("4095 is white") && !stderr.contains("note:"),
        "{stderr}"
    );
}

#[test]
fn a_data_set_is_said_in_three_lines() {
    let workshop = Workshop::new();
    for folder in ["images", "masks"] {
        std::fs::create_dir(workshop.path(folder)).unwrap();
    }
    for number in 0..4 {
        std::fs::copy(
            workshop.path("image.png"),
            workshop.path(&format!("images/x{number}.png")),
        )
        .unwrap();
        std::fs::copy(
            workshop.path("target.png"),
            workshop.path(&format!("masks/x{number}_hand.png")),
        )
        .unwrap();
    }
    // Neither side of such images is a multiple of what this network halves.
    let train = |more: &str| {
        workshop.asma(&format!(
            "train --images images --masks masks --base 2 --depth 3 --crop 0,0,45,43 --epochs 1 --batch 2 \
             --validation 0.3 --out run {more}"
        ))
    };
    let message = refusal(train(""));
    for word in [
        "images/x0.png",
        "masks/x0_hand.png",
        "suggest `mask-suffix=_hand`",
    ] {
        assert!(message.contains(word), "{message}");
    }
    let [stderr, _] = done(train("--mask-suffix _hand"));
    for line in [
        "images: images: 4 of 48×48 pixels, PNG, 8-bit RGB",
        "masks: masks: two levels read as background (0) and foreground (255); background ",
        "sizes: crop 0,0,45,43: 45×43",
    ] {
        assert!(stderr.lines().any(|found| found.starts_with(line)), "{stderr}");
    }
}

#[test]
fn an_image_of_16_bits_is_written_back_as_one_and_never_over_itself() {
    let workshop = Workshop::new();
    image::DynamicImage::ImageRgb16(image::ImageBuffer::from_fn(SIZE, SIZE, |x, y| {
        image::Rgb([(300 * x) as u16, (200 * y) as u16, 7000 + (x * y) as u16])
    }))
    .save(workshop.path("deep.png"))
    .unwrap();
    let arguments =
        "attack --image deep.png --target target.png --weights weights.safetensors --iterations 1 --out out";
    let [stderr, stdout] = done(workshop.asma(&format!("{arguments} --window 0..16000")));
    assert!(stderr.contains("16-bit RGB, window 0..16000"), "{stderr}");
    assert!(stdout.contains("saved, own format"), "{stdout}");
    assert!(stdout.contains("as adversarial_16_bits.png"), "{stdout}");
    let written = image::open(workshop.path("out/adversarial_16_bits.png")).unwrap();
    assert_eq!(written.color(), image::ColorType::Rgb16);
    let twice = arguments.replace("deep.png", "out/adversarial_16_bits.png");
    let refused = refusal(workshop.asma(&twice));
    assert!(refused.contains("would be written over"), "{refused}");
    for (both, words) in [
        ("--window 0..16000 --white 255", "--white"),
        ("--window 5", "LOW..HIGH"),
    ] {
        let output = workshop.asma(&format!("{arguments} {both}")).assert().code(2);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(stderr.contains(words), "{stderr}");
    }
}
