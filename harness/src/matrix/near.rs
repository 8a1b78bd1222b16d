//! What somebody may have meant by an id that isn't there.

use super::Matrix;

/// How many are named.
const NAMED: usize = 5;
/// The longest text that is taken for an id; others are names of something else.
const LONGEST: usize = 4;

/// The ids that are nearest to a text: those of its letter, by their numbers.
#[must_use]
pub(crate) fn near<'m>(matrix: &'m Matrix, text: &str) -> Vec<&'m str> {
    let mut chars = text.chars();
    let Some(letter) = chars.next().map(|letter| letter.to_ascii_uppercase()) else {
        return Vec::new();
    };
    if text.chars().count() > LONGEST {
        return Vec::new();
    }
    let wanted = number(chars.as_str());
    let ids = matrix.entries().map(|(_, entry)| entry.id.as_str());
    let mut found: Vec<&str> = ids.filter(|id| id.starts_with(letter)).collect();
    found.sort_by_key(|id| {
        (
            number(id.get(1..).unwrap_or_default()).abs_diff(wanted),
            *id,
        )
    });
    found.truncate(NAMED);
    found.sort_unstable();
    found
}

/// The number that a text's digits are; 0 where it has none, or more than fit.
fn number(text: &str) -> u32 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}
