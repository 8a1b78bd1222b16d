use proptest::prelude::*;
use serde::Deserialize;

use super::budget::{MAX_BYTES, MAX_STEPS};
use super::*;

/// What `ci/golden/template` recorded.
#[derive(Deserialize)]
struct Golden {
    data: Vec<Data>,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    series: String,
    label_matchers: String,
    label_values_by_name: std::collections::BTreeMap<String, String>,
    group_by: String,
    group_by_slice: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    template: String,
    /// None where Go can't parse it.
    #[serde(default)]
    texts: Vec<Option<String>>,
}

impl Data {
    fn value(&self) -> Value {
        let text = |text: &String| Text::from(text.as_str());
        let by_name = self.label_values_by_name.iter();
        let fields = [
            ("Series", Value::text(self.series.as_str())),
            ("LabelMatchers", Value::text(self.label_matchers.as_str())),
            (
                "LabelValuesByName",
                Value::map(by_name.map(|(key, value)| (text(key), text(value)))),
            ),
            ("GroupBy", Value::text(self.group_by.as_str())),
            (
                "GroupBySlice",
                Value::List(self.group_by_slice.iter().map(text).collect()),
            ),
        ];
        Value::Record(fields.into())
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../../fixtures/golden/template.json")).unwrap()
}

fn rendered(template: &str, data: &Value) -> Result<String, String> {
    let template = Template::parse(template).map_err(|error| error.to_string())?;
    template.render(data).map_err(|error| error.to_string())
}

/// Templates that Go executes and that are refused here, on purpose.
const REFUSED: [&str; 0] = [];

#[test]
fn templates_give_what_go_gives() {
    let Golden { data, answers } = golden();
    assert!(answers.len() >= 300);
    let data: Vec<_> = data.iter().map(Data::value).collect();
    let mut differing = String::new();
    for Answer { template, texts } in answers {
        if texts.is_empty() {
            if Template::parse(&template).is_ok() {
                differing += &format!("{template}\n  Go can't parse it\n");
            }
            continue;
        }
        for (data, go) in data.iter().zip(texts) {
            // What Go complains of within the text is an error here.
            let go = go.filter(|text| !text.contains("%!"));
            let go = go.filter(|_| !REFUSED.contains(&template.as_str()));
            let ours = rendered(&template, data);
            if ours.as_ref().ok() != go.as_ref() {
                differing += &format!("{template}\n  Go:   {go:?}\n  ours: {ours:?}\n");
            }
        }
    }
    assert_eq!(differing, "");
}

fn error(template: &str) -> String {
    let Golden { data, .. } = golden();
    rendered(template, &data[0].value()).expect_err(template)
}

#[test]
fn errors_say_where_and_what_helps() {
    let errors: Vec<_> = [
        "a <<.Series",
        "a\n  <</* open",
        "<<.Serie>>",
        "<<call .Series>>",
        "<<define \"x\">>",
        "<<if true>><<define \"x\">><<end>><<end>>",
        "<<block \"x\" .>>a<<end>><<define \"x\">>b<<end>>",
        "<<template x>>",
        "<<template \"x\" .>>",
        "<<lower .Series>>",
        "<<$x>>",
        "<<if .Series>>x",
        "<<.Series}}",
        "é <<printf \"%z\" 1>>",
        "<<printf \"%d\" .Series>>",
        "<<eq .Series 1>>",
        "<<len 1>>",
        "<<index .GroupBySlice 7>>",
        "<<slice \"é\" 1>>",
        "<<range .Series>><<end>>",
        "<<1i>>",
        "<<9223372036854775808>>",
    ]
    .into_iter()
    .map(|template| format!("{template}\n    {}", error(template)))
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_template_that_does_too_much_is_ended() {
    let steps = error("<<range 1000000000>><<end>>");
    assert!(steps.contains(&MAX_STEPS.to_string()), "{steps}");
    let nested = "<<range 1000>>".repeat(4) + &"<<end>>".repeat(4);
    assert!(error(&nested).contains("steps"));
    let doubling = "<<$x := `xxxxxxxx`>><<range 100>><<$x = print $x $x>><<end>>";
    assert!(error(doubling).contains(&MAX_BYTES.to_string()));
    let wide = "<<range 100000>><<printf \"%1000d\" 1>><<end>>";
    assert!(error(wide).contains("bytes"));
    assert!(error("<<printf \"%1001d\" 1>>").contains("not supported"));
    let deep = "(".repeat(200) + ".Series" + &")".repeat(200);
    assert!(error(&format!("<<{deep}>>")).contains("nested"));
    let blocks = "<<if true>>".repeat(200) + &"<<end>>".repeat(200);
    assert!(error(&blocks).contains("nested"));
    let calls = "<<define `t`>><<if true>><<template `t` .>><<end>><<end>><<template `t` .>>";
    assert!(error(calls).contains("in one another"));
    let twice = "<<define `t`>><<if .>><<template `t` (slice . 1)>><<template `t` (slice . 1)>><<end>><<end>><<template `t` `12345678901234567890`>>";
    assert!(error(twice).contains("steps"));
}

#[test]
fn a_label_is_printed_as_promql_takes_it_and_compares_as_itself() {
    let label = || Text::printed_as("a.b", "\"a.b\"");
    let data = [
        ("M", Value::map([(label(), "v".into())])),
        ("G", Value::Text(label())),
    ];
    let data = Value::Record(data.into());
    for (template, expected) in [
        (
            "<<.G>> <<print .G>> <<printf `%s %q` .G .G>>",
            r#""a.b" "a.b" "a.b" "a.b""#,
        ),
        (
            "<<range $k, $v := .M>><<$k>>=<<$v>> <<eq $k `a.b`>><<end>>",
            r#""a.b"=v true"#,
        ),
        ("<<index .M .G>> <<len .G>> <<.M>>", r#"v 3 map["a.b":v]"#),
    ] {
        assert_eq!(
            rendered(template, &data).as_deref(),
            Ok(expected),
            "{template}"
        );
    }
}

#[test]
fn a_field_that_isnt_there_is_told_without_executing() {
    let check = |text: &str| {
        let checked = Template::parse(text).unwrap().check_fields(&["Series"]);
        checked.err().map(|error| error.to_string())
    };
    let wrong = |column: usize, field: &str| {
        Some(format!(
            "column {column}: there is no field .{field}; there are .Series"
        ))
    };
    assert_eq!(check("<<if false>><<.Serie>><<end>>"), wrong(15, "Serie"));
    assert_eq!(
        check("<<range .Series>><<.x>><<$.Y>><<else>><<end>>"),
        wrong(26, "Y")
    );
    assert_eq!(
        check("<<with .Series>><<.x>><<else>><<.Z>><<end>>"),
        wrong(33, "Z")
    );
    assert_eq!(check("<<print (len (.A))>>"), wrong(15, "A"));
    assert_eq!(check("<<.Series>><<$.Series.more>>"), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"([<>.a-zS"`é$ (){}|,:='\\0-9%/*-]|<<|>>|<<range |<<if |<<else>>|<<end>>|<<define `t`>>|<<template `t` \.>>|<<block `t` \.>>|\$x := |printf |index |slice ){0,30}"#) {
        let _ = rendered(&text, &golden().data[0].value());
    }

    #[test]
    fn no_piece_of_a_template_makes_it_panic(case in 0..350_usize, from in 0..60_usize, to in 0..60_usize, extra in "[<>.| ()$%\"0-9]{0,3}") {
        let Golden { data, answers } = golden();
        let template: Vec<char> = answers[case % answers.len()].template.chars().collect();
        let cut = |at: usize| at.min(template.len());
        let (from, to) = (cut(from.min(to)), cut(from.max(to)));
        let text: String = template[from..to].iter().collect::<String>() + &extra;
        let _ = rendered(&text, &data[0].value());
        let text: String = template[..from].iter().collect::<String>() + &extra;
        let _ = rendered(&text, &data[1].value());
    }
}
