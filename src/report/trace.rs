//! The trace of an attack as CSV, one row an iteration.

use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::statistics::TraceRow;

/// The columns of ASMA's trace, in their order.
pub const HEADER: [&str; 6] = ["iteration", "iou", "pixel_accuracy", "l2", "linf", "multiplier"];

/// The columns of other attacks' traces, in their order.
pub const HEADER_WITH_LOSS: [&str; 8] = [
    "iteration",
    "loss",
    "pixel_accuracy",
    "iou",
    "l2",
    "linf",
    "step",
    "success_rate",
];

/// Writes the trace, whole or not at all. Numbers have nine significant digits, which is enough to read
/// the same float back.
///
/// # Errors
/// If the file cannot be written.
pub fn write_trace(path: impl AsRef<Path>, rows: &[TraceRow]) -> Result<()> {
    write_atomically(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        let has_loss = rows.iter().any(|row| row.loss.is_some());
        let header: &[&str] = if has_loss { &HEADER_WITH_LOSS } else { &HEADER };
        writer.write_record(header).map_err(io::Error::other)?;
        for row in rows {
            let numbers = match (row.loss, row.success_rate) {
                (None, _) => vec![row.iou, row.pixel_accuracy, row.l2, row.linf, row.multiplier],
                (Some(loss), rate) => vec![
                    loss,
                    row.pixel_accuracy,
                    row.iou,
                    row.l2,
                    row.linf,
                    row.multiplier,
                    rate.unwrap_or(0.0),
                ],
            };
            let fields =
                std::iter::once(row.iteration.to_string()).chain(numbers.into_iter().map(nine_digits));
            writer.write_record(fields).map_err(io::Error::other)?;
        }
        writer.flush()
    })
}

/// Reads a trace.
///
/// # Errors
/// If the file cannot be read, has another header, or a field is no number.
pub fn read_trace(path: impl AsRef<Path>) -> Result<Vec<TraceRow>> {
    let path = path.as_ref();
    let refusal = |cause: csv::Error| {
        Error::file(
            path,
            format!("is no trace: {cause}; give a trace.csv that asma wrote"),
        )
    };
    let mut reader = csv::Reader::from_path(path).map_err(refusal)?;
    let header = reader.headers().map_err(refusal)?;
    if header != HEADER[..] && header != HEADER_WITH_LOSS[..] {
        return Err(Error::file(
            path,
            format!(
                "is no trace: its header is `{}`, and `{}` or `{}` is wanted",
                header.iter().collect::<Vec<_>>().join(","),
                HEADER.join(","),
                HEADER_WITH_LOSS.join(",")
            ),
        ));
    }
    reader.deserialize().map(|row| row.map_err(refusal)).collect()
}

/// The number with nine significant digits and no trailing zeros, as C's `%.9g` prints it: `0.171060159`,
/// `9.3895942e-05`.
fn nine_digits(value: f32) -> String {
    let scientific = format!("{value:.8e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |number: &str| match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => number.to_string(),
    };
    if (-4..9).contains(&exponent) {
        let decimals = (8 - exponent) as usize;
        trim(&format!("{value:.decimals$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::nine_digits;

    #[test]
    fn numbers_look_as_c_prints_them() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (-2.25, "-2.25"),
            (1e-7, "1.00000001e-07"),
            (1e-4, "9.99999975e-05"),
            (1e8, "100000000"),
            (1e9, "1e+09"),
            (0.001, "0.00100000005"),
            (16_777_216.0, "16777216"),
            (f32::MAX, "3.40282347e+38"),
            (f32::NAN, "NaN"),
            (f32::INFINITY, "inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(nine_digits(value), expected);
        }
    }
}
