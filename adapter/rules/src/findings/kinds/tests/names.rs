//! Names that `name` makes.

use super::*;

#[test]
fn a_name_that_names_a_group_that_isnt_there_is_found() {
    let named = |matches: &str, as_: &str| {
        with_series("a_sum{namespace!=\"\",pod!=\"\"}").replacen(
            '{',
            &format!("{{name: {{matches: '{matches}', as: '{as_}'}}, "),
            1,
        )
    };
    let one = "^(.*)_sum$";
    for (matches, as_, expected) in [
        (one, "${1}_per_second", &[][..]),
        (one, "$1", &[]),
        (one, "$$1", &[]),
        ("^(?P<base>.*)_sum$", "${base}_x", &[]),
        (one, "$1_per_second", &["unnameable"]),
        (one, "$2", &["unnameable"]),
        ("^(?P<base>.*)_sum$", "$base_x", &["unnameable"]),
        ("^.*_sum$", "$1", &["unnameable"]),
        ("", "$1", &["unnameable"]),
        (one, "per_second_$2", &["missing-group"]),
        (one, "$1_rate.$1", &["missing-group"]),
        (one, "$01x", &["unnameable"]),
        (one, "${1", &["missing-group"]),
        (one, "${1}_$", &["missing-group"]),
        (one, "${1}/x", &["unnameable"]),
        (one, "$2/x", &["unnameable", "missing-group"]),
        (one, "..", &["unnameable"]),
        (one, "100%", &["unnameable"]),
        ("^a_sum(.*)$", "$1", &["unnameable"]),
        ("^a_sum(.*)$", "", &["unnameable"]),
    ] {
        assert_eq!(codes(&named(matches, as_)), expected, "{matches} {as_}");
        let external =
            format!("externalRules: [{}]", named(matches, as_)).replace("<<.GroupBy>>", "queue");
        assert_eq!(codes_of(&external), expected, "{external}");
    }
    let unknown = with_series("{__name__=~\"^a_.*\"}").replacen(
        '{',
        "{name: {matches: '^(.*)_sum$', as: 'a/$1'}, ",
        1,
    );
    assert_eq!(codes(&unknown), ["unnameable"]);
}

#[test]
fn the_cure_of_a_missing_group_names_the_group_that_is_meant() {
    let told_by = |matches: &str, as_: &str| {
        let rule = with_series("a_sum").replacen(
            '{',
            &format!("{{name: {{matches: '{matches}', as: '{as_}'}}, "),
            1,
        );
        let rules = Rules::parse(&format!("rules: [{rule}]")).unwrap();
        let [finding] = rules.findings() else {
            panic!("{as_}: {:?}", rules.findings());
        };
        (
            finding.subject.clone(),
            finding.cure.clone(),
            finding.sentence.clone(),
        )
    };
    let told = |as_: &str| told_by("^(?P<base>.*)_sum$", as_);
    let (subject, cure, sentence) = told("$1_per_second");
    assert_eq!(subject, "rules[0].name.as");
    assert!(cure.starts_with("write `${1}_per_second`:"), "{cure}");
    assert!(
        sentence.contains("names the group `1_per_second`"),
        "{sentence}"
    );
    assert!(sentence.contains("has one, `1`"), "{sentence}");
    assert!(told("$base_rate").1.contains("`${base}_rate`"));
    assert!(told("x$7").1.contains("in parentheses"));
    assert!(told_by("^.*_sum$", "x$1").2.contains("has no group"));
    let of_two = told_by("^(.)(.*)$", "x$3").2;
    assert!(of_two.contains("has those from `1` to `2`"), "{of_two}");
}

#[test]
fn rules_without_a_name_for_their_metrics_clash_with_none_and_are_expected_to_give_none() {
    let rule = with_series("a_sum").replacen('{', "{name: {as: '$2'}, ", 1);
    let text = format!("rules: [{rule}, {rule}]\nexternalRules: [{rule}]");
    assert!(!codes_of(&text).contains(&"clash"));
    let expected = RuleFile::parse(&text).unwrap().unwrap().expected();
    assert_eq!(expected, crate::Expected::default());
}
