use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// What `ci/golden/regexp` recorded.
#[derive(Deserialize)]
struct Answer {
    pattern: String,
    text: String,
    template: String,
    /// What Go expands the template to; none where the text doesn't match.
    expanded: Option<String>,
    /// Why Go refuses the pattern.
    error: Option<String>,
}

/// Patterns that Go takes and that are refused here.
const REFUSED: [&str; 3] = ["(?P<x>a)(?P<x>b)", "(?P<1a>x)", "a*(?i)*"];

#[test]
fn expressions_match_and_expand_as_in_go() {
    let golden = include_str!("../../../fixtures/golden/regexp.json");
    let answers: Vec<Answer> = serde_json::from_str(golden).unwrap();
    assert!(answers.len() >= 100);
    let mut differing = Vec::new();
    for answer in answers {
        let Answer {
            pattern,
            text,
            template,
            expanded: go,
            error,
        } = answer;
        let ours = GoRegex::new(&pattern).map(|regex| {
            let captures = regex.captures(&text);
            captures.map(|captures| expanded(&template, &captures))
        });
        let same = match (&ours, &error) {
            (Ok(ours), None) => *ours == go,
            (Ok(_), Some(_)) => false,
            (Err(_), None) => REFUSED.contains(&pattern.as_str()),
            (Err(_), Some(_)) => true,
        };
        if !same {
            let ours = ours.map_err(|error| error.to_string());
            differing.push(format!(
                "{pattern} on {text:?} as {template}: {go:?} {error:?}, ours: {ours:?}"
            ));
        }
    }
    let some: Vec<_> = differing.iter().take(20).collect();
    assert!(some.is_empty(), "{some:#?}");
}

fn refused(pattern: &str) -> GoRegexError {
    GoRegex::new(pattern).unwrap_err()
}

#[test]
fn an_expression_says_what_it_is_and_which_groups_it_has() {
    let regex = GoRegex::new("(a)(?P<b>x)").unwrap();
    assert_eq!(regex.text(), "(a)(?P<b>x)");
    assert_eq!(regex.captures_len(), 3);
    assert!(regex.is_match("-ax-") && !regex.is_match("a"));
    let known = ["0", "1", "2", "b"].map(|name| has_group(regex.regex(), name));
    assert_eq!(known, [true; 4]);
    let unknown = ["3", "01", "a"].map(|name| has_group(regex.regex(), name));
    assert_eq!(unknown, [false; 3]);
}

#[test]
fn what_is_refused_is_cited_up_to_the_fault() {
    let syntax = |cited: &str| GoRegexError::Syntax(cited.to_owned());
    assert_eq!(
        refused("(?P<a-b>x)"),
        GoRegexError::Name("(?P<a-b>".to_owned())
    );
    assert_eq!(refused("(?<>x)"), GoRegexError::Name("(?<>".to_owned()));
    assert_eq!(refused("(?i-)a"), syntax("(?i-)"));
    assert_eq!(refused("(?-:a)"), syntax("(?-:"));
    assert_eq!(refused("(?i-s-m:a)"), syntax("(?i-s-"));
    assert_eq!(refused("(?iéa)"), syntax("(?ié"));
    assert_eq!(refused("a**b"), GoRegexError::Nested("**".to_owned()));
    assert_eq!(refused(r"[\b]"), GoRegexError::Escape(r"\b".to_owned()));
}

#[test]
fn nested_repetitions_are_multiplied_in_every_part() {
    for pattern in ["(?:ba{600}){2}", "(?:b|a{600}){2}", "ba{1001}", "b|a{1001}"] {
        assert_eq!(refused(pattern), GoRegexError::Count, "{pattern}");
    }
    assert!(GoRegex::new("(?:ba{500}|c){2}").is_ok());
}

#[test]
fn sets_are_of_ascii_behind_a_number_too() {
    // A no-break space, and a digit that isn't of ASCII.
    assert!(GoRegex::new(r"^\S$").unwrap().is_match("\u{a0}"));
    assert!(!GoRegex::new(r"^\x41\d$").unwrap().is_match("A٣"));
    assert!(!GoRegex::new(r"^\x{41}\d$").unwrap().is_match("A٣"));
    let range = GoRegex::new(r"^[\x{41}-\x{43}\d]+$").unwrap();
    assert!(range.is_match("ABC1") && !range.is_match("D"));
}

proptest! {
    #[test]
    fn no_pattern_and_no_template_makes_it_panic(pattern in r"([a-c0-9\[\]{}()$.*+?^|&~,<>é-]|\\[QEdDwWsSbB0-9<>x]|\[\[:alpha:\]){0,12}", template in "[$a{}10é_]{0,8}") {
        if let Ok(regex) = GoRegex::new(&pattern)
            && let Some(captures) = regex.captures("abc1é")
        {
            let _ = expanded(&template, &captures);
        }
    }
}
