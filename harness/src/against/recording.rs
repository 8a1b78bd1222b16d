//! What the other adapter answered, as a file. Equal answers stand in it once, and so does what all configurations are asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::AgainstError;
use super::answer::Answer;
use super::corpus::Configuration;

/// The answers of an adapter by the lines of the requests.
pub(super) type Answers = BTreeMap<String, Answer>;

/// The answers of an adapter by all configurations of a corpus.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recording {
    /// The adapter and its version.
    adapter: String,
    /// What all are asked, with placeholders.
    shared: Vec<String>,
    configurations: BTreeMap<String, Recorded>,
    answers: Vec<Answer>,
}

/// The answers by one configuration, as places in the list of all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    /// To what all are asked, in that order.
    shared: Vec<Option<usize>>,
    /// To what this one alone is asked.
    own: BTreeMap<String, usize>,
}

impl Recording {
    /// Reads a recording.
    pub(super) fn read(path: &Path) -> Result<Self, AgainstError> {
        let text = std::fs::read(path).map_err(AgainstError::file("read", path))?;
        serde_json::from_slice(&text).map_err(AgainstError::form(path))
    }

    /// What was answered by a configuration; nothing for one that was not recorded.
    pub(super) fn of(&self, configuration: &Configuration) -> Answers {
        let Some(recorded) = self.configurations.get(&configuration.name) else {
            return Answers::new();
        };
        let own = recorded.own.iter();
        let mut places: BTreeMap<&str, usize> = own.map(|(line, at)| (&**line, *at)).collect();
        for request in &configuration.requests {
            let position = self.shared.iter().position(|one| *one == request.template);
            let at = position.and_then(|position| *recorded.shared.get(position)?);
            if let Some(at) = at {
                places.insert(&request.line, at);
            }
        }
        let answers = places.into_iter().filter_map(|(line, at)| {
            let answer = self.answers.get(at)?;
            Some((line.to_owned(), answer.clone()))
        });
        answers.collect()
    }

    /// A recording of an adapter's answers by configurations.
    pub(super) fn new(
        adapter: &str,
        shared: &[String],
        all: &[(&Configuration, &Answers)],
    ) -> Self {
        let mut recording = Self {
            adapter: adapter.to_owned(),
            shared: shared.to_vec(),
            ..Self::default()
        };
        let mut places = BTreeMap::<&Answer, usize>::new();
        for (configuration, answers) in all {
            let mut recorded = Recorded {
                shared: vec![None; shared.len()],
                own: BTreeMap::new(),
            };
            for (line, answer) in *answers {
                let next = places.len();
                let at = *places.entry(answer).or_insert(next);
                if at == next {
                    recording.answers.push(answer.clone());
                }
                let mut requests = configuration.requests.iter();
                let template = requests
                    .find(|request| request.line == *line)
                    .map(|request| &request.template);
                let position = shared.iter().position(|one| Some(one) == template);
                match position.and_then(|position| recorded.shared.get_mut(position)) {
                    Some(place) => *place = Some(at),
                    None => {
                        recorded.own.insert(line.clone(), at);
                    }
                }
            }
            let name = configuration.name.clone();
            recording.configurations.insert(name, recorded);
        }
        recording
    }

    /// Writes it, with a line for each request, configuration and answer.
    pub(super) fn write(&self, path: &Path) -> Result<(), AgainstError> {
        let text = self.text().map_err(AgainstError::form(path))?;
        std::fs::write(path, text).map_err(AgainstError::file("write", path))
    }

    fn text(&self) -> serde_json::Result<String> {
        fn lines<'a, T: Serialize + 'a>(
            items: impl Iterator<Item = (String, &'a T)>,
        ) -> serde_json::Result<String> {
            let items = items.map(|(name, item)| Ok(name + &serde_json::to_string(item)?));
            let items: serde_json::Result<Vec<String>> = items.collect();
            Ok(items?.join(",\n"))
        }
        let named =
            |(name, recorded): (&String, _)| Ok((serde_json::to_string(name)? + ":", recorded));
        let configurations: serde_json::Result<Vec<_>> =
            self.configurations.iter().map(named).collect();
        let unnamed = |_: usize| String::new();
        let mut text = String::new();
        let _ = write!(
            text,
            "{{\"adapter\":{},\n\"shared\":[\n{}\n],\n\"configurations\":{{\n{}\n}},\n\"answers\":[\n{}\n]}}\n",
            serde_json::to_string(&self.adapter)?,
            lines(self.shared.iter().map(|line| (unnamed(0), line)))?,
            lines(configurations?.into_iter())?,
            lines(self.answers.iter().map(|answer| (unnamed(0), answer)))?,
        );
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::Request;
    use super::*;

    fn configuration(name: &str, metric: &str) -> Configuration {
        let values = BTreeMap::from([("METRIC".to_owned(), metric.to_owned())]);
        let lines = ["GET /", "GET /$(METRIC)", "GET /own"];
        let requests = lines.map(|line| Request::of(line, &values).unwrap());
        Configuration {
            name: name.to_owned(),
            covers: String::new(),
            rules: String::new(),
            arguments: Vec::new(),
            serves: Vec::new(),
            requests: requests.into(),
        }
    }

    #[test]
    fn what_is_recorded_is_read_again_and_equal_answers_stand_once() {
        let shared = ["GET /$(METRIC)".to_owned(), "GET /".to_owned()];
        let (a, b) = (configuration("a", "m"), configuration("b", "n"));
        let none = |text: &str| Answer::none(text);
        let of = |pairs: &[(&str, &str)]| -> Answers {
            let pairs = pairs.iter();
            pairs
                .map(|(line, text)| ((*line).to_owned(), none(text)))
                .collect()
        };
        let of_a = of(&[
            ("GET /", "x"),
            ("GET /m", "y"),
            ("GET /own", "x"),
            ("start", "z"),
        ]);
        let of_b = of(&[("GET /n", "y")]);
        let recording = Recording::new("adapter v1", &shared, &[(&a, &of_a), (&b, &of_b)]);
        assert_eq!(recording.answers.len(), 3);
        let text = recording.text().unwrap();
        let read: Recording = serde_json::from_str(&text).unwrap();
        assert_eq!(read.of(&a), of_a);
        assert_eq!(read.of(&b), of_b);
        assert_eq!(read.of(&configuration("c", "m")), Answers::new());
    }
}
