//! The adapter that a scenario brings along.

use std::fmt;

use clap::ValueEnum as _;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::profile::{Profile, ProfileError};
use crate::scripted::Lie;

/// The adapter's name.
const NAME: &str = "scripted";

/// `scripted`, or `scripted:LIE`: the built-in test adapter in place of the one that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct OwnAdapter {
    /// What it does wrong.
    lie: Option<Lie>,
}

/// `scripted:keeps-strangers`
impl fmt::Display for OwnAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        // Each lie has a name of the command line.
        match self.lie.and_then(|lie| lie.to_possible_value()) {
            Some(lie) => write!(f, ":{}", lie.get_name()),
            None => Ok(()),
        }
    }
}

/// A scenario can't bring such an adapter along.
#[derive(Debug, thiserror::Error)]
#[error("a scenario's own adapter is `scripted` or `scripted:LIE`, not `{0}`")]
pub(crate) struct NoOwnAdapter(String);

impl OwnAdapter {
    /// How it is installed.
    ///
    /// # Errors
    /// When its profile is broken: a mistake of this program.
    pub(crate) fn profile(self) -> Result<Profile, ProfileError> {
        let mut profile = Profile::named(NAME)?;
        profile.lie = self.lie;
        Ok(profile)
    }
}

impl TryFrom<String> for OwnAdapter {
    type Error = NoOwnAdapter;

    fn try_from(text: String) -> Result<Self, NoOwnAdapter> {
        let lie = match text.split_once(':') {
            None if text == NAME => None,
            Some((NAME, lie)) => match Lie::from_str(lie, false) {
                Ok(lie) => Some(lie),
                Err(_) => return Err(NoOwnAdapter(text)),
            },
            _ => return Err(NoOwnAdapter(text)),
        };
        Ok(Self { lie })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_brings_the_scripted_adapter_along_and_no_other() {
        let own = |text: &str| OwnAdapter::try_from(text.to_owned());
        assert_eq!(own("scripted").unwrap().profile().unwrap().lie, None);
        let liar = own("scripted:html-body").unwrap().profile().unwrap();
        assert_eq!(liar.lie, Some(Lie::HtmlBody));
        for text in [
            "",
            "binary",
            "scripted:",
            "scripted:nothing",
            "binary:html-body",
        ] {
            let told = own(text).unwrap_err().to_string();
            assert!(told.contains(&format!("`{text}`")), "{told}");
        }
    }
}
