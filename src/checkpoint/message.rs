//! Text from files, made fit for a one-line message.

use std::fmt::Display;

/// Characters of a foreign text that a message shows.
const LONGEST_TEXT: usize = 200;

/// Names that a message lists before it only counts them.
const MOST_NAMES: usize = 5;

/// A tensor's name between backticks, with control characters escaped.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", one_line(&name))
}

/// The first few names, and how many more there are.
pub(crate) fn quoted_list(names: &[&str]) -> String {
    let listed: Vec<String> = names.iter().take(MOST_NAMES).map(|name| quoted(name)).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

/// The text with control characters escaped, cut where it grows too long.
pub(super) fn one_line(text: &impl Display) -> String {
    let text = text.to_string();
    let mut line = String::new();
    for character in text.chars().take(LONGEST_TEXT) {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    if text.chars().nth(LONGEST_TEXT).is_some() {
        line.push('…');
    }
    line
}
