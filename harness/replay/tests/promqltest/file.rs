//! The notation of the files.

use setpoint_replay::ScriptedSeries;
use setpoint_replay::labels::Labels;
use setpoint_replay::notation::{Point, parse_labels, parse_values};

pub(crate) enum Command {
    Clear,
    /// Series, and the labels of those that are or get native histograms.
    Load(Vec<ScriptedSeries>, Vec<Labels>),
    Eval(Case),
}

/// A query and what it must give.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) line: usize,
    pub(crate) query: String,
    /// Milliseconds; an instant query has no step, and both are the same.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: Option<i64>,
    /// What stands before the lines of values: `fail`, `warn`, `info`, `ordered`, `no_warn`, `no_info`, and a text.
    pub(crate) expectations: Vec<(String, Option<Text>)>,
    pub(crate) lines: Vec<String>,
    /// Start and step of the values, where these are not those of the query.
    pub(crate) range: Option<(i64, i64)>,
}

#[derive(Debug)]
pub(crate) enum Text {
    Is(String),
    Like(String),
}

/// The labels of a line, and the rest of it.
pub(crate) fn parts(line: &str) -> (&str, &str) {
    // The space that ends the labels: none within braces or quotes does.
    let (mut braces, mut quote) = (false, None);
    let mut chars = line.char_indices();
    let mut end = line.len();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some('"' | '\''), '\\') => drop(chars.next()),
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => braces = true,
            (None, '}') => braces = false,
            (None, c) if c.is_whitespace() && !braces => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    (&line[..end], line[end..].trim())
}

/// The labels of a line, and what stands at each step.
pub(crate) fn series(line: &str) -> (Labels, Vec<Point>) {
    let (labels, values) = parts(line);
    let labels = parse_labels(labels).unwrap_or_else(|error| panic!("{line}: {error}"));
    let points = parse_values(values).unwrap_or_else(|error| panic!("{line}: {error}"));
    (labels, points)
}

/// The native histogram that `load_with_nhcb` makes of a bucket, a count or a sum.
fn native_of(labels: &Labels) -> Option<Labels> {
    let name = labels.value("__name__");
    let base = ["_bucket", "_count", "_sum"]
        .iter()
        .find_map(|end| name.strip_suffix(end))?;
    let mut native = labels.filtered(|label| label != "le");
    native.set("__name__", base);
    Some(native)
}

fn millis(text: &str) -> i64 {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds * 1000.0) as i64;
    }
    let negative = text.starts_with('-');
    let text = text.trim_start_matches('-');
    let zero = text.trim_matches(|c: char| c.is_ascii_alphabetic()) == "0";
    let millis = match zero {
        true => 0,
        false => promql_parser::util::parse_duration(text)
            .unwrap()
            .as_millis() as i64,
    };
    if negative { -millis } else { millis }
}

pub(crate) fn commands(text: &str) -> Vec<Command> {
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let block: Vec<&str> = lines[at + 1..]
            .iter()
            .copied()
            .take_while(|line| !line.is_empty())
            .collect();
        let word = line.split_whitespace().next().unwrap_or_default();
        if line.is_empty() {
            at += 1;
        } else if word == "clear" {
            commands.push(Command::Clear);
            at += 1;
        } else if word.starts_with("load") {
            let interval = millis(line[word.len()..].trim()) as f64 / 1000.0;
            let (mut loaded, mut native) = (Vec::new(), Vec::new());
            for line in &block {
                let (series, values) = parts(line);
                let labels = parse_labels(series.trim_end_matches("@st")).unwrap();
                if word == "load_with_nhcb" {
                    native.extend(native_of(&labels));
                }
                // `@st` tells when counters began, which is experimental; what it is told of isn't played.
                if values.contains("{{") || series.ends_with("@st") {
                    native.push(labels);
                    continue;
                }
                let values = values.parse().unwrap();
                let series = series.to_owned();
                loaded.push(ScriptedSeries {
                    series,
                    values,
                    interval,
                    from: 0.0,
                    hold: false,
                });
            }
            commands.push(Command::Load(loaded, native));
            at += 1 + block.len();
        } else {
            commands.push(Command::Eval(case(at + 1, line, &block)));
            at += 1 + block.len();
        }
    }
    commands
}

fn case(line: usize, head: &str, block: &[&str]) -> Case {
    let (word, rest) = head.split_once(char::is_whitespace).unwrap();
    let mut case = Case {
        line,
        ..Case::default()
    };
    if let Some(mode) = word.strip_prefix("eval_") {
        case.expectations.push((mode.to_owned(), None));
    }
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix("instant") {
        let rest = rest.trim_start().strip_prefix("at").unwrap().trim_start();
        let (at, query) = rest.split_once(char::is_whitespace).unwrap();
        (case.start, case.end) = (millis(at), millis(at));
        query.trim().clone_into(&mut case.query);
    } else {
        let mut words = rest.split_whitespace();
        let mut after = |word: &str| {
            words.find(|found| *found == word).unwrap();
            words.next().unwrap()
        };
        case.start = millis(after("from"));
        case.end = millis(after("to"));
        let step = after("step");
        case.step = Some(millis(step));
        let query = rest.split_once(&format!("step {step}")).unwrap().1;
        query.trim().clone_into(&mut case.query);
    }
    for line in block {
        if let Some(text) = line.strip_prefix("expected_fail_message ") {
            case.expectations
                .push(("fail".to_owned(), Some(Text::Is(text.trim().to_owned()))));
        } else if let Some(text) = line.strip_prefix("expected_fail_regexp ") {
            case.expectations
                .push(("fail".to_owned(), Some(Text::Like(text.trim().to_owned()))));
        } else if let Some(rest) = line.strip_prefix("expect range vector from ") {
            let words: Vec<&str> = rest.split(' ').collect();
            case.range = Some((millis(words[0]), millis(words[4])));
        } else if let Some(text) = line.strip_prefix("expect string ") {
            let text = Text::Is(text.to_owned());
            case.expectations.push(("string".to_owned(), Some(text)));
        } else if let Some(rest) = line.strip_prefix("expect ") {
            let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let text = text.trim();
            let is = text
                .strip_prefix("msg:")
                .map(|text| Text::Is(text.trim().to_owned()));
            let like = text
                .strip_prefix("regex:")
                .map(|text| Text::Like(text.trim().to_owned()));
            case.expectations.push((kind.to_owned(), is.or(like)));
        } else {
            case.lines.push((*line).to_owned());
        }
    }
    case
}
