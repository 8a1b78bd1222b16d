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
