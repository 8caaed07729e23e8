//! The table of an evaluation: a row a setting, as Markdown and for LaTeX.

use super::statistic::Statistic;
use super::summary::{MeasuresSummary, SettingSummary, Summary};
use crate::attack::Purpose;

/// How a number is written.
#[derive(Clone, Copy)]
enum Digits {
    /// With so many behind the point.
    Fixed(usize),
    /// As a share in percent.
    Percent,
}

/// What a cell shows of one setting.
type Cell = Box<dyn Fn(&SettingSummary, &MeasuresSummary) -> Option<Statistic>>;

struct Column {
    /// In Markdown, and in LaTeX.
    titles: [String; 2],
    digits: Digits,
    cell: Cell,
}

fn columns(summary: &Summary) -> Vec<Column> {
    type Of = fn(&MeasuresSummary) -> Option<Statistic>;
    let of = |title: &str, latex: &str, digits: Digits, cell: Of| Column {
        titles: [title.into(), latex.into()],
        digits,
        cell: Box::new(move |_, measures| cell(measures)),
    };
    let iou = match summary.purpose {
        Purpose::Targeted => "IoU with the target",
        Purpose::Untargeted => "IoU with the label",
    };
    let mut columns = vec![
        of(iou, iou, Digits::Fixed(4), |m| m.iou),
        of("pixel accuracy", "pixel accuracy", Digits::Fixed(4), |m| {
            m.pixel_accuracy
        }),
        of("L1", "$L_1$", Digits::Fixed(1), |m| m.l1),
        of("L2", "$L_2$", Digits::Fixed(3), |m| m.l2),
        of("L∞", "$L_\\infty$", Digits::Fixed(4), |m| m.linf),
        of("PSNR (dB)", "PSNR (dB)", Digits::Fixed(2), |m| m.psnr),
        of("SSIM", "SSIM", Digits::Fixed(4), |m| m.ssim),
    ];
    for (place, threshold) in summary.thresholds.iter().enumerate() {
        columns.push(Column {
            titles: [
                format!("success at {threshold}"),
                format!("success at {threshold}"),
            ],
            digits: Digits::Percent,
            cell: Box::new(move |_, measures| measures.success.get(place).copied().flatten()),
        });
    }
    columns.push(Column {
        titles: ["iterations".into(), "iterations".into()],
        digits: Digits::Fixed(1),
        cell: Box::new(|setting, _| setting.iterations),
    });
    columns
}

fn number(value: f64, digits: Digits) -> String {
    match digits {
        Digits::Fixed(digits) => format!("{value:.digits$}"),
        Digits::Percent => format!("{:.1}", 100.0 * value),
    }
}

/// The table as Markdown: of the images as attacks left them, and of the same as files of 8 bits keep them.
pub fn markdown(summary: &Summary) -> String {
    let columns = columns(summary);
    let cell = |column: &Column, statistic: Option<Statistic>| match (statistic, column.digits) {
        (None, _) => "–".to_string(),
        (Some(found), digits @ Digits::Percent) => format!(
            "{} % [{}, {}]",
            number(found.mean, digits),
            number(found.interval[0], digits),
            number(found.interval[1], digits)
        ),
        (Some(found), digits) => format!(
            "{} ± {} [{}, {}]",
            number(found.mean, digits),
            number(found.deviation, digits),
            number(found.interval[0], digits),
            number(found.interval[1], digits)
        ),
    };
    let mut text = format!(
        "{}, {} pairs ({}). Mean ± standard deviation over pairs, and the 95 % bootstrap interval of the mean.\n",
        summary.network, summary.pairs, summary.pairing
    );
    type Measures = fn(&SettingSummary) -> &MeasuresSummary;
    let parts: [(&str, Measures); 2] = [
        ("As attacks left them", |setting| &setting.float),
        ("As 8 bits", |setting| &setting.as_8_bits),
    ];
    for (title, measures) in parts {
        let titles: Vec<&str> = columns.iter().map(|column| column.titles[0].as_str()).collect();
        text.push_str(&format!(
            "\n## {title}\n\n| setting | pairs | failed | {} | mean IoU of the data set |\n| --- | ---: | ---: |{} ---: |\n",
            titles.join(" | "),
            " ---: |".repeat(columns.len())
        ));
        for setting in &summary.settings {
            let of = measures(setting);
            let cells: Vec<String> = columns
                .iter()
                .map(|column| cell(column, (column.cell)(setting, of)))
                .collect();
            text.push_str(&format!(
                "| {} | {} | {} | {} | {:.4} |\n",
                setting.name.replace('|', "\\|"),
                setting.done,
                setting.failed,
                cells.join(" | "),
                of.mean_iou
            ));
        }
    }
    text.push_str(&worst_cases(summary));
    text
}

/// A paragraph for each setting of several losses.
fn worst_cases(summary: &Summary) -> String {
    let mut text = String::new();
    let with_worst = summary
        .settings
        .iter()
        .filter_map(|setting| Some((setting, setting.worst.as_ref()?)));
    for (setting, worst) in with_worst {
        if text.is_empty() {
            text.push_str("\n## The worst of several losses\n\n");
        }
        let each: Vec<String> = worst
            .losses
            .iter()
            .zip(&worst.mean_iou_of_each)
            .map(|(loss, iou)| format!("{loss} {iou:.4}"))
            .collect();
        let accuracy = worst.pixel_accuracy.map_or("–".into(), |accuracy| {
            format!("{:.4} ± {:.4}", accuracy.mean, accuracy.deviation)
        });
        text.push_str(&format!(
            "{}: pixel accuracy {accuracy}; mean IoU of the data set {:.4} (of each loss alone: {}).\n",
            setting.name,
            worst.mean_iou,
            each.join(", ")
        ));
    }
    text
}

/// The table for LaTeX, without any package: of the images as files of 8 bits keep them, as the paper's attacks are written
/// to files, and below it of the images as attacks left them.
pub fn latex(summary: &Summary) -> String {
    let columns = columns(summary);
    let mut text = format!(
        "% {} pairs; mean ± standard deviation over pairs, and the 95 % bootstrap interval of the mean\n",
        summary.pairs
    );
    type Measures = fn(&SettingSummary) -> &MeasuresSummary;
    let parts: [(&str, Measures); 2] = [
        ("as attacks left them", |setting| &setting.float),
        ("as 8 bits", |setting| &setting.as_8_bits),
    ];
    let titles: Vec<&str> = columns.iter().map(|column| column.titles[1].as_str()).collect();
    for (title, measures) in parts {
        text.push_str(&format!(
            "% {title}\n\\begin{{tabular}}{{l{}}}\n\\hline\nsetting & {} \\\\\n\\hline\n",
            "r".repeat(columns.len()),
            titles.join(" & ")
        ));
        for setting in &summary.settings {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| {
                    let digits = column.digits;
                    match ((column.cell)(setting, measures(setting)), digits) {
                        (None, _) => "--".to_string(),
                        (Some(found), Digits::Percent) => format!(
                            "${}\\,\\%$ [${}$, ${}$]",
                            number(found.mean, digits),
                            number(found.interval[0], digits),
                            number(found.interval[1], digits)
                        ),
                        (Some(found), _) => format!(
                            "${} \\pm {}$ [${}$, ${}$]",
                            number(found.mean, digits),
                            number(found.deviation, digits),
                            number(found.interval[0], digits),
                            number(found.interval[1], digits)
                        ),
                    }
                })
                .collect();
            text.push_str(&format!(
                "{} & {} \\\\\n",
                escaped(&setting.name),
                cells.join(" & ")
            ));
        }
        text.push_str("\\hline\n\\end{tabular}\n");
    }
    text
}

/// Text as LaTeX prints it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            other => escaped.push(other),
        }
    }
    escaped
}
