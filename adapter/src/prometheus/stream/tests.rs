use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SERIES: &[&str] = &["data"];
const VECTOR: &[&str] = &["data", "result"];

/// The fields and elements of an answer that comes in these pieces.
fn read<'a>(
    path: &'static [&'static str],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Fields, Vec<Value>), StreamError> {
    let mut stream = AnswerStream::new(path, MAX_ANSWER);
    let mut elements = Vec::new();
    let mut take = |stream: &mut AnswerStream| {
        while let Some(element) = stream.element(PhantomData::<Value>)? {
            elements.push(element);
        }
        Ok::<_, StreamError>(())
    };
    for piece in pieces {
        stream.feed(piece)?;
        take(&mut stream)?;
    }
    stream.close();
    take(&mut stream)?;
    Ok((stream.fields()?, elements))
}

fn read_whole(path: &'static [&'static str], text: &str) -> Result<(Fields, Vec<Value>), String> {
    read(path, [text.as_bytes()]).map_err(|error| error.to_string())
}

#[test]
fn texts_among_warnings_are_kept_and_what_is_none_is_no_error() {
    for (warnings, expected) in [
        (r#"["a","b"]"#, &["a", "b"][..]),
        (r#"[1,"a",{"b":"c"},null]"#, &["a"]),
        ("12", &[]),
        ("null", &[]),
        (r#"{"data":["a"]}"#, &[]),
    ] {
        let text = format!(r#"{{"status":"success","warnings":{warnings},"data":[]}}"#);
        let (fields, _) = read_whole(SERIES, &text).unwrap();
        assert_eq!(fields.warnings, expected, "{warnings}");
    }
    let many = vec!["\"a\""; 100].join(",");
    let text = format!(r#"{{"status":"success","data":[],"warnings":[{many}]}}"#);
    assert_eq!(read_whole(SERIES, &text).unwrap().0.warnings.len(), 10);
}

#[test]
fn fields_are_read_wherever_they_stand() {
    let text = r#" { "warnings" : [1, {"data": [3]}], "data": {"result":[ {"a":"b"} , 1 ],"resultType":"vector"},"status":"success"} "#;
    let (fields, elements) = read_whole(VECTOR, text).unwrap();
    assert_eq!((fields.status.as_str(), fields.list), ("success", true));
    assert_eq!(elements, [json!({"a": "b"}), json!(1)]);
    assert_eq!(fields.warnings, [""; 0]);
    let refused =
        r#"{"status":"error","data":null,"errorType":"bad_data","error":"parse \"error\""}"#;
    let (fields, _) = read_whole(SERIES, refused).unwrap();
    assert_eq!(
        (fields.error.as_str(), fields.list),
        ("parse \"error\"", false)
    );
}

#[test]
fn what_is_no_answer_is_an_error_that_says_where() {
    for (text, error) in [
        ("<html>", "byte 0: expected `{`"),
        (r#"{"data":[1,,2]}"#, "byte 11: expected value"),
        (r#"{"data":[1 2]}"#, "byte 11: expected `,` or `]`"),
        (
            r#"{"data":[{"a":"b"}"#,
            "byte 18: the answer ends too early",
        ),
        (
            r#"{"data":[{"a":"b""#,
            "byte 9: EOF while parsing an object",
        ),
        (
            r#"{"status":1}"#,
            "byte 10: invalid type: integer `1`, expected a string",
        ),
        (r#"{"status" "ok"}"#, "byte 10: expected `:`"),
        (r#"{"status":"ok"} x"#, "byte 16: expected the end"),
        (r#"{"data":[],}"#, "byte 11: expected a key"),
        ("", "byte 0: the answer ends too early"),
    ] {
        assert_eq!(read_whole(SERIES, text).unwrap_err(), error, "{text}");
    }
    let matrix = r#"{"data":{"resultType":"matrix","result":[[1]]}}"#;
    assert_eq!(read_whole(VECTOR, matrix).unwrap_err(), "a matrix");
}

#[test]
fn a_scalar_is_one_element_however_it_is_cut() {
    let text = r#"{"status":"success","data":{"resultType":"scalar","result": [1.5,"4"] },"x":1}"#;
    for cut in 0..text.len() {
        let (first, second) = text.as_bytes().split_at(cut);
        let (fields, elements) = read(VECTOR, [first, second]).unwrap();
        assert_eq!(elements, [json!([1.5, "4"])], "{cut}");
        assert_eq!((fields.result_type.as_str(), fields.list), (SCALAR, true));
    }
}

#[test]
fn a_number_that_nobody_reads_may_be_cut_anywhere() {
    let text = r#"{"infos":[-1.5e-30],"data":[]}"#;
    for place in 0..text.len() {
        let (first, second) = text.as_bytes().split_at(place);
        let outcome = read(SERIES, [first, second]);
        assert!(outcome.is_ok(), "{place}: {outcome:?}");
    }
}

#[test]
fn neither_the_whole_nor_one_value_is_longer_than_its_limit() {
    let mut stream = AnswerStream::new(SERIES, 20);
    assert_eq!(stream.feed(&[b' '; 20]), Ok(()));
    assert_eq!(stream.element(PhantomData::<Value>), Ok(None));
    let error = stream.feed(b" ").unwrap_err();
    assert_eq!(
        error,
        StreamError::TooLong {
            what: "whole",
            limit: 20
        }
    );
    let long = std::iter::once(&br#"{"data":[{""#[..])
        .chain(std::iter::repeat_n(&b"aaaaaaaa"[..], 300_000));
    let error = read(SERIES, long).unwrap_err();
    assert_eq!(
        error,
        StreamError::TooLong {
            what: "one value",
            limit: MAX_VALUE
        }
    );
}

proptest! {
    #[test]
    fn an_answer_in_pieces_is_what_serde_json_reads_of_the_whole(
        series in proptest::collection::vec(proptest::collection::btree_map("[a-z\"\\\\\u{e9}\n]{0,4}", "\\PC{0,4}", 0..4), 0..6),
        pretty: bool,
        cuts in proptest::collection::vec(0..400_usize, 0..20),
    ) {
        let answer = json!({"warnings": 12, "status": "success", "data": series});
        let text = if pretty { serde_json::to_string_pretty(&answer) } else { serde_json::to_string(&answer) }.unwrap();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]);
        let (fields, elements) = read(SERIES, pieces).unwrap();
        prop_assert_eq!(fields.status, "success");
        let read: Vec<BTreeMap<String, String>> = elements.into_iter().map(|element| serde_json::from_value(element).unwrap()).collect();
        prop_assert_eq!(read, series);
    }

    #[test]
    fn where_an_answer_is_cut_changes_nothing(text in "([{}\\[\\],:\" 1a\t]|\"data\":|\"result\":|\\{\"status\":\"x\"|\\\\u12){0,12}", cut in 0..40_usize) {
        let cut = cut.min(text.len());
        let whole: Result<Value, _> = serde_json::from_str(&text);
        for path in [SERIES, VECTOR] {
            let (first, second) = text.as_bytes().split_at(cut);
            let in_pieces = read(path, [first, second]);
            prop_assert_eq!(&in_pieces, &read(path, [text.as_bytes()]));
            // The answer alone is stricter: it is an object with keys.
            prop_assert!(in_pieces.is_err() || whole.is_ok(), "{:?}", in_pieces);
        }
    }
}
