//! What an attack left, printed.

use std::path::Path;

use asma::job::remarks;
use asma::report::{AttackSettings, Summary};
use asma::{Error, Result, Scores};

use crate::cli::console::{print, say, tell};

/// Prints the summary for machines.
pub fn print_json(summary: &Summary) -> Result<()> {
    print(&serde_json::to_string_pretty(summary).map_err(|error| Error::file("standard output", error))?)
}

/// Prints the summary in a few lines.
pub fn print_summary(summary: &Summary, out: &Path) {
    let line = |name: &str, scores: &Scores| {
        tell(format_args!(
            "  {name:<22} IoU {:.4}   pixel accuracy {:.4}   L2 {:7.4}   L∞ {:.4}",
            scores.iou, scores.pixel_accuracy, scores.l2, scores.linf
        ));
    };
    let (reached, how) = match &summary.settings {
        AttackSettings::Asma(asma) => (
            asma.reached
                .filter(|&reached| reached < summary.iterations)
                .map_or(String::new(), |reached| format!(" after {reached}, then refined")),
            format!(
                "tau {:.3e}, beta {:.3e}{}",
                asma.tau,
                asma.beta,
                if asma.automatic {
                    ", chosen from the first gradient"
                } else {
                    ""
                }
            ),
        ),
        AttackSettings::Other(other) => (
            String::new(),
            format!(
                "{} {}: {:.1} % of the labelled pixels as it wants them",
                other.purpose,
                other.attack,
                100.0 * other.success_rate
            ),
        ),
    };
    tell(format_args!(
        "{} after {} iterations ({}{reached}), {:.1} s; {how}",
        summary.network, summary.iterations, summary.stop_reason, summary.seconds,
    ));
    for part in summary.other().into_iter().flat_map(|other| &other.worst_of) {
        line(&format!("loss {}", part.loss), &part.scores);
    }
    line("before", &summary.results.before);
    line("last iterate", &summary.results.last);
    line(
        &format!("best (iteration {})", summary.best_iteration),
        &summary.results.best,
    );
    line("saved, 8 bits", &summary.results.rounded_to_8_bits);
    if let Some(own) = &summary.own_format {
        line("saved, own format", &own.scores);
    }
    tell_likeness(summary);
    let own_format = match &summary.own_format {
        Some(own) => format!(", in the image's own format as {}", own.file),
        None => String::new(),
    };
    tell(format_args!(
        "  the {} iterate is saved in {}{own_format}",
        summary.saved,
        out.display()
    ));
}

/// Tells how far the saved image can be told from the source.
fn tell_likeness(summary: &Summary) {
    let Some(likeness) = &summary.likeness else {
        return;
    };
    let psnr = likeness
        .psnr
        .map_or("none".into(), |psnr| format!("{psnr:.1} dB"));
    tell(format_args!(
        "  source and saved       L∞ {:.4}   PSNR {psnr}   SSIM {:.4}: {}",
        likeness.linf, likeness.ssim, likeness.in_words
    ));
}

/// Says on stderr what the numbers say too, but is easily overlooked.
pub fn warn(summary: &Summary) {
    for remark in remarks(summary) {
        say(format_args!("note: {remark}"));
    }
}
