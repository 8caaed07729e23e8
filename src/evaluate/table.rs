//! The table of an evaluation: a row a setting, as Markdown and for LaTeX.

use super::statistic::Statistic;
use super::summary::{MeasuresSummary, SettingSummary, Summary};

/// What a table is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Markdown,
    Latex,
}

/// How a number is written.
#[derive(Clone, Copy)]
enum Digits {
    /// With so many behind the point.
    Fixed(usize),
    /// As a share in percent.
    Percent,
}

/// What a cell says of one setting.
type Cell<'a> = Box<dyn Fn(&SettingSummary, &MeasuresSummary) -> String + 'a>;

struct Column<'a> {
    title: String,
    cell: Cell<'a>,
}

/// Of which images a table is.
type Measures = fn(&SettingSummary) -> &MeasuresSummary;

const PARTS: [(&str, Measures); 2] = [
    ("As attacks left them", |setting| &setting.float),
    ("As 8 bits", |setting| &setting.as_8_bits),
];

/// What the numbers in a cell are.
const NUMBERS: &str = "Mean ± standard deviation over pairs, and the 95 % bootstrap interval of the mean; of success the share of \
                       pairs, its interval, and the share before the attack.";

fn columns(summary: &Summary, notation: Notation) -> Vec<Column<'_>> {
    type Of = fn(&SettingSummary, &MeasuresSummary) -> Option<Statistic>;
    let plain = |title: &str, cell: fn(&SettingSummary, &MeasuresSummary) -> String| Column {
        title: title.into(),
        cell: Box::new(cell),
    };
    let of = |title: &str, digits: Digits, statistic: Of| Column {
        title: title.into(),
        cell: Box::new(move |setting, measures| written(statistic(setting, measures), digits, notation)),
    };
    let norm = |markdown: &'static str, latex: &'static str| match notation {
        Notation::Markdown => markdown,
        Notation::Latex => latex,
    };
    let iou = format!("IoU with {}", summary.purpose.compared_with());
    let mut columns = vec![
        plain("pairs", |setting, _| setting.done.to_string()),
        plain("failed", |setting, _| setting.failed.to_string()),
        of("IoU before", Digits::Fixed(4), |setting, _| setting.iou_before),
        of(&iou, Digits::Fixed(4), |_, m| m.iou),
        of("pixel accuracy", Digits::Fixed(4), |_, m| m.pixel_accuracy),
        of(norm("L1", "$L_1$"), Digits::Fixed(1), |_, m| m.l1),
        of(norm("L2", "$L_2$"), Digits::Fixed(3), |_, m| m.l2),
        of(norm("L∞", "$L_\\infty$"), Digits::Fixed(4), |_, m| m.linf),
        of("PSNR (dB)", Digits::Fixed(2), |_, m| m.psnr),
        of("SSIM", Digits::Fixed(4), |_, m| m.ssim),
    ];
    for (place, threshold) in summary.thresholds.iter().enumerate() {
        columns.push(Column {
            title: format!("success at {threshold}"),
            cell: Box::new(move |setting, measures| {
                let at = |shares: &[Option<Statistic>]| shares.get(place).copied().flatten();
                let before = at(&setting.success_before).map_or(String::new(), |before| {
                    format!(", before {}", number(before.mean, Digits::Percent, notation))
                });
                written(at(&measures.success), Digits::Percent, notation) + &before
            }),
        });
    }
    columns.push(of("iterations", Digits::Fixed(1), |setting, _| {
        setting.iterations
    }));
    columns.push(Column {
        title: "mean IoU of the data set".into(),
        cell: Box::new(move |_, measures| match measures.mean_iou {
            Some(iou) => number(iou, Digits::Fixed(4), notation),
            None => nothing(notation).into(),
        }),
    });
    columns
}

fn number(value: f64, digits: Digits, notation: Notation) -> String {
    match (digits, notation) {
        (Digits::Fixed(digits), _) => format!("{value:.digits$}"),
        (Digits::Percent, Notation::Markdown) => format!("{:.1} %", 100.0 * value),
        (Digits::Percent, Notation::Latex) => format!("{:.1}\\,\\%", 100.0 * value),
    }
}

/// What stands where there is no number.
fn nothing(notation: Notation) -> &'static str {
    match notation {
        Notation::Markdown => "–",
        Notation::Latex => "--",
    }
}

/// One number says nothing of how others would lie about it.
fn written(statistic: Option<Statistic>, digits: Digits, notation: Notation) -> String {
    let Some(found) = statistic else {
        return nothing(notation).into();
    };
    let number = |value| number(value, digits, notation);
    let mean = number(found.mean);
    if found.count < 2 {
        return mean;
    }
    let spread = match (digits, notation) {
        (Digits::Percent, _) => String::new(),
        (_, Notation::Markdown) => format!(" ± {}", number(found.deviation)),
        (_, Notation::Latex) => format!(" $\\pm$ {}", number(found.deviation)),
    };
    format!(
        "{mean}{spread} [{}, {}]",
        number(found.interval[0]),
        number(found.interval[1])
    )
}

/// The name of a setting and what the columns say of it, behind each other.
fn row(
    setting: &SettingSummary,
    of: Measures,
    columns: &[Column<'_>],
    name: String,
    between: &str,
) -> String {
    let measures = of(setting);
    let cells = columns.iter().map(|column| (column.cell)(setting, measures));
    std::iter::once(name)
        .chain(cells)
        .collect::<Vec<_>>()
        .join(between)
}

fn titles(columns: &[Column<'_>], between: &str) -> String {
    let titles = columns.iter().map(|column| column.title.as_str());
    std::iter::once("setting")
        .chain(titles)
        .collect::<Vec<_>>()
        .join(between)
}

/// The table as Markdown: of the images as attacks left them, and of the same as files of 8 bits keep them.
pub fn markdown(summary: &Summary) -> String {
    let columns = columns(summary, Notation::Markdown);
    let mut text = format!(
        "{}, {} pairs ({}). {NUMBERS}\n",
        summary.network, summary.pairs, summary.pairing
    );
    for (title, of) in PARTS {
        text.push_str(&format!(
            "\n## {title}\n\n| {} |\n| --- |{}\n",
            titles(&columns, " | "),
            " ---: |".repeat(columns.len())
        ));
        for setting in &summary.settings {
            let name = setting.name.replace('|', "\\|");
            text.push_str(&format!("| {} |\n", row(setting, of, &columns, name, " | ")));
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

/// The table for LaTeX, without any package: of the images as attacks left them, and below it of the same as files of 8 bits
/// keep them.
pub fn latex(summary: &Summary) -> String {
    let columns = columns(summary, Notation::Latex);
    let mut text = format!(
        "% {}, {} pairs ({}). {NUMBERS}\n",
        summary.network, summary.pairs, summary.pairing
    );
    for (title, of) in PARTS {
        text.push_str(&format!(
            "% {title}\n\\begin{{tabular}}{{l{}}}\n\\hline\n{} \\\\\n\\hline\n",
            "r".repeat(columns.len()),
            titles(&columns, " & ")
        ));
        for setting in &summary.settings {
            let cells = row(setting, of, &columns, escaped(&setting.name), " & ");
            text.push_str(&format!("{cells} \\\\\n"));
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
