//! `asma attack` with an attack for the smallest perturbation.

use asma::report::{read_summary, read_trace};

use crate::support::Workshop;

#[test]
fn attacks_by_name_write_their_rows_and_settings() {
    for (name, more, steps, rate) in [
        ("alma-prox", "--published", 6, 0.001),
        ("pdpgd", "--lr 0.05 --region target.png", 4, 0.05),
    ] {
        let workshop = Workshop::new();
        let stderr = workshop
            .attack(&format!("--attack {name} --steps {steps} {more} --out out"))
            .assert()
            .success();
        let stderr = String::from_utf8_lossy(&stderr.get_output().stderr).into_owned();
        // Two classes have no ratios of logits.
        assert_eq!(
            stderr.contains("takes plain differences"),
            name == "alma-prox",
            "{stderr}"
        );
        let out = workshop.path("out");
        let trace = read_trace(out.join("trace.csv")).unwrap();
        assert_eq!(trace.len(), steps + 1);
        assert!(
            trace
                .iter()
                .all(|row| row.loss.is_some() && row.success_rate.is_some())
        );
        let summary = read_summary(out.join("summary.json")).unwrap();
        let settings = summary.other().unwrap();
        assert_eq!(
            (settings.attack.as_str(), settings.purpose.as_str()),
            (name, "targeted")
        );
        let number = |key: &str| settings.attack_settings[key].as_f64().unwrap();
        assert_eq!(number("steps") as usize, steps);
        assert!((number("learning_rate") - rate).abs() < 1e-6);
        assert_eq!(settings.attack_settings["published"], name == "alma-prox");
    }
}

#[test]
fn untargeted_attacks_lead_away_from_the_prediction() {
    let workshop = Workshop::new();
    for name in ["alma-prox", "pdpgd"] {
        let arguments =
            "attack --image image.png --weights weights.safetensors --untargeted --steps 40 --lr 0.02";
        workshop
            .asma(&format!("{arguments} --attack {name} --out {name}"))
            .assert()
            .success();
        let summary = read_summary(workshop.path(name).join("summary.json")).unwrap();
        let settings = summary.other().unwrap();
        assert_eq!(settings.purpose, "untargeted");
        let trace = read_trace(workshop.path(name).join("trace.csv")).unwrap();
        assert_eq!(trace[0].success_rate, Some(0.0), "the label is the prediction");
        assert!(settings.success_rate > 0.0, "{name}: {summary:?}");
    }
}

#[test]
fn options_of_other_attacks_are_refused() {
    let workshop = Workshop::new();
    for (arguments, wanted) in [
        (
            "--attack pgd --lr 0.1",
            "`lr` is an option of alma-prox and pdpgd",
        ),
        (
            "--attack alma-prox --eps 8/255",
            "`eps` is an option of attacks with a budget",
        ),
        ("--attack pdpgd --tau 1e-7", "`tau` is an option of asma"),
        ("--attack pdpgd --published", "alma-prox alone"),
        ("--attack alma-prox --steps 0", "0 steps"),
        ("--attack alma-prox --lr 0", "the length of the first step is 0"),
    ] {
        let output = workshop
            .attack(&format!("{arguments} --out out"))
            .assert()
            .failure();
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(
            stderr.contains(wanted),
            "{arguments}: `{wanted}` is not in {stderr}"
        );
    }
}
