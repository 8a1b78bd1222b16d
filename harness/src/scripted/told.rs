//! What a liar makes of values and documents.

use serde_json::Value;

use super::{Lie, Scripted};
use crate::quantity::milli;

impl Scripted {
    /// What a liar makes of a whole document.
    pub(super) fn tell(&self, document: &mut Value) {
        if self.lies(Lie::WrongKind) {
            document["kind"] = "PodList".into();
            document["apiVersion"] = "v1".into();
        }
        let Some(items) = document["items"].as_array_mut() else {
            return;
        };
        match self.lie {
            Some(Lie::LosesTheLastItem) if items.len() > 1 => {
                items.pop();
            }
            Some(Lie::HundredItems) => items.truncate(100),
            Some(Lie::ShufflesItems) if !items.is_empty() => {
                let by = usize::try_from(self.count()).unwrap_or_default() % items.len();
                items.rotate_left(by);
            }
            Some(Lie::RepeatsTheFirstItem) => items.extend(items.first().cloned()),
            Some(Lie::NamesOneObject) => {
                if let Some(described) = items.first().map(|item| item["describedObject"].clone()) {
                    for item in items {
                        item["describedObject"] = described.clone();
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a liar says of a value, if anything else.
pub(super) fn told_value(lie: Lie, value: &str) -> Option<String> {
    let whole = || milli(value).unwrap_or_default() / 1000;
    match lie {
        Lie::ConstantValue => Some("10".to_owned()),
        Lie::WholeNumbers => Some(whole().to_string()),
        Lie::ThirtyTwoBits => {
            let most = i128::from(i32::MAX);
            (whole() > most).then(|| most.to_string())
        }
        Lie::GoesRound => {
            #[expect(clippy::cast_possible_truncation, reason = "that is the lie")]
            let round = milli(value).unwrap_or_default() as i64;
            Some(format!("{round}m"))
        }
        Lie::NeverZero => (value == "0").then(|| "1".to_owned()),
        Lie::NoSigns => Some(value.trim_start_matches('-').to_owned()),
        _ => None,
    }
}
