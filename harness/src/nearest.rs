//! What somebody may have meant by a name that isn't there.

/// The longest name that is looked at: the work grows with the square.
const LONGEST: usize = 200;

/// The name that differs the least from another one, if that is by a third of its characters at most.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(LONGEST).collect();
    let most = name.len() / 3;
    let apart = |other: &str| {
        let other: Vec<char> = other.chars().take(LONGEST).collect();
        distance(&name, &other)
    };
    let near = names.map(|other| (apart(other), other));
    let near = near.filter(|(apart, _)| *apart <= most);
    near.min().map(|(_, other)| other)
}

/// How many characters have to be put in, left out or replaced to make one text of another.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, x) in a.iter().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (above, y) in row.iter_mut().skip(1).zip(b) {
            let best = (diagonal + usize::from(x != y))
                .min(left + 1)
                .min(*above + 1);
            diagonal = *above;
            *above = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_with_few_other_characters() {
        let names = ["http_requests_total", "http_errors_total", "up", ""];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("http_reqests_total"), Some("http_requests_total"));
        assert_eq!(near("requests_total"), None);
        assert_eq!(near("http_request_total"), Some("http_requests_total"));
        assert_eq!(near("ups"), Some("up"));
        assert_eq!(near("queue_length"), None);
        assert_eq!(near("x"), None);
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(distance(&[], &chars("abc")), 3);
        assert_eq!(distance(&chars("abc"), &[]), 3);
    }
}
