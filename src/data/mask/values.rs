//! What the user says that a mask's values mean: `mask-values=255:0,128:1,0:2`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::labels::IGNORE;

/// What some of a mask's numbers or colours mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// Numbers as stored, the last among them.
    Numbers(u16, u16),
    /// Red, green and blue.
    Colour([u8; 3]),
    /// All that no other key names.
    Else,
}

/// Which class each of a mask's values means. Written `VALUE:CLASS,…`, where a value is a stored number
/// (`128`), several (`1-20`), a colour (`#ff0000`) or `else`, and a class a number or `ignore` (255).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskValues {
    entries: Vec<(Key, u8)>,
}

impl MaskValues {
    /// The class that a pixel's number means, or else its colour.
    pub(super) fn class_of(&self, number: Option<u16>, colour: Option<[u8; 3]>) -> Option<u8> {
        let find = |is_meant: &dyn Fn(Key) -> bool| {
            let found = self.entries.iter().find(|&&(key, _)| is_meant(key));
            found.map(|&(_, class)| class)
        };
        let numbered = |key| matches!((key, number), (Key::Numbers(first, last), Some(number)) if (first..=last).contains(&number));
        find(&numbered)
            .or_else(|| find(&|key| colour.is_some_and(|colour| key == Key::Colour(colour))))
            .or_else(|| find(&|key| key == Key::Else))
    }

    /// The largest class that is named, 255 left out.
    pub(super) fn largest_class(&self) -> u8 {
        let classes = self.entries.iter().map(|&(_, class)| class);
        classes.filter(|&class| class != IGNORE).max().unwrap_or(0)
    }
}

impl FromStr for MaskValues {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |part: &str| {
            Error::Usage(format!(
                "`{part}` is no VALUE:CLASS; write such as 255:0,128:1,0:2 or 0:0,else:1, a value being a number, a \
                 range 1-20, a colour #ff0000 or else, and a class 0 to 254 or ignore"
            ))
        };
        let entry = |part: &str| -> Option<(Key, u8)> {
            let (value, class) = part.trim().rsplit_once([':', '='])?;
            let class = match class.trim() {
                "ignore" => IGNORE,
                number => number.parse().ok()?,
            };
            Some((key(value.trim())?, class))
        };
        let entries: Vec<(Key, u8)> = text
            .split(',')
            .map(|part| entry(part).ok_or_else(|| bad(part)))
            .collect::<Result<_>>()?;
        for (index, (key, class)) in entries.iter().enumerate() {
            let twice = entries[..index]
                .iter()
                .any(|(other, other_class)| match (key, other) {
                    (Key::Numbers(a, b), Key::Numbers(c, d)) => a <= d && c <= b && class != other_class,
                    _ => key == other && class != other_class,
                });
            if twice {
                return Err(Error::Usage(format!(
                    "`{text}` gives one value two classes; name each value once"
                )));
            }
        }
        Ok(MaskValues { entries })
    }
}

fn key(text: &str) -> Option<Key> {
    if text == "else" {
        return Some(Key::Else);
    }
    if let Some(digits) = text.strip_prefix('#') {
        let number = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| digits.len() == 6)?;
        let [_, red, green, blue] = number.to_be_bytes();
        return Some(Key::Colour([red, green, blue]));
    }
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then_some(Key::Numbers(first, last))
        }
        None => text.parse().ok().map(|number| Key::Numbers(number, number)),
    }
}

impl fmt::Display for MaskValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, class)) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match key {
                Key::Numbers(first, last) if first == last => write!(f, "{first}:")?,
                Key::Numbers(first, last) => write!(f, "{first}-{last}:")?,
                Key::Colour([red, green, blue]) => write!(f, "#{red:02x}{green:02x}{blue:02x}:")?,
                Key::Else => f.write_str("else:")?,
            }
            match *class {
                IGNORE => f.write_str("ignore")?,
                class => write!(f, "{class}")?,
            }
        }
        Ok(())
    }
}
