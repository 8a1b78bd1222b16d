//! What is sent of an answer.

use serde_json::Value;

use crate::api::Answer;
use crate::delivery::Delivery;

/// An answer, and how it is sent.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    /// Besides the usual ones.
    pub(crate) headers: Vec<(String, String)>,
    /// Wall seconds before it.
    pub(crate) delay: f64,
    /// Whether the body goes out as it is, never compressed.
    pub(crate) as_it_is: bool,
    pub(crate) delivery: Delivery,
}

impl Reply {
    pub(crate) fn of(answer: Answer) -> Self {
        Self {
            answer,
            headers: Vec::new(),
            delay: 0.0,
            as_it_is: false,
            delivery: Delivery::Whole,
        }
    }

    /// Answers something that no Prometheus does.
    pub(super) fn replace(&mut self, status: u16, content_type: &'static str, body: &str) {
        self.answer = Answer {
            status,
            content_type,
            body: body.to_owned(),
            series: None,
        };
        self.as_it_is = true;
    }

    /// Changes the document of a successful answer.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        if self.answer.status != 200 {
            return;
        }
        if let Ok(mut document) = serde_json::from_str(&self.answer.body) {
            change(&mut document);
            self.answer.body = document.to_string();
        }
    }

    /// Changes what is listed: the series of a result, or the names and values of others.
    pub(super) fn change_list(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut count = None;
        self.change(|document| {
            let Some(data) = document.get_mut("data") else {
                return;
            };
            let is_result = data.get("resultType").is_some();
            let is_list = matches!(
                data.get("resultType").and_then(Value::as_str),
                None | Some("vector" | "matrix")
            );
            let list = match is_result {
                true => data.get_mut("result").filter(|_| is_list),
                false => Some(data),
            };
            if let Some(Value::Array(list)) = list {
                change(list);
                count = is_result.then_some(list.len());
            }
        });
        self.answer.series = count.or(self.answer.series);
    }

    /// Changes each sample of a result: a time and a value.
    pub(super) fn change_samples(&mut self, change: impl Fn(&mut Value, &mut Value)) {
        let pair = |sample: &mut Value| {
            if let Some([time, value]) = sample.as_array_mut().map(Vec::as_mut_slice) {
                change(time, value);
            }
        };
        self.change(|document| {
            let Some(result) = document.pointer_mut("/data/result") else {
                return;
            };
            let is_scalar = result.get(0).is_some_and(Value::is_number);
            if is_scalar {
                return pair(result);
            }
            for series in result.as_array_mut().into_iter().flatten() {
                if let Some(sample) = series.get_mut("value") {
                    pair(sample);
                }
                let samples = series.get_mut("values").and_then(Value::as_array_mut);
                samples.into_iter().flatten().for_each(pair);
            }
        });
    }

    /// Moves the times of all samples by seconds.
    pub(super) fn move_times(&mut self, seconds: f64) {
        self.change_samples(|time, _| {
            if let Some(at) = time.as_f64() {
                let moved = ((at + seconds) * 1000.0).round() / 1000.0;
                *time = moved.into();
            }
        });
    }

    /// Gives all samples a value.
    pub(super) fn change_values(&mut self, to: &str) {
        self.change_samples(|_, value| *value = to.into());
    }
}
