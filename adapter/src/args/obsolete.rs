//! Flags that old instructions still tell people to give to the adapter, and what replaced them.
//!
//! The one table of these facts; `docs/obsolete.md` shows it, and a test holds the page to it.

use std::fmt;

/// A flag that the adapter doesn't have any more, or never had.
#[derive(Debug)]
pub(super) struct Obsolete {
    flag: &'static str,
    fate: &'static str,
    instead: &'static str,
    /// Where both are said.
    source: &'static str,
}

const RULES: &str = "gone since prometheus-adapter has rules";
const ADAPTER: &str = "sigs.k8s.io/prometheus-adapter v0.12.0";
const CONFIG_GEN: &str = "sigs.k8s.io/prometheus-adapter v0.12.0, where only config-gen has it";

const TABLE: [Obsolete; 4] = [
    Obsolete {
        flag: "rate-interval",
        fate: RULES,
        instead: "the range in a rule's `metricsQuery`, such as `[2m]`",
        source: CONFIG_GEN,
    },
    Obsolete {
        flag: "label-prefix",
        fate: RULES,
        instead: "`resources.template` of a rule",
        source: CONFIG_GEN,
    },
    Obsolete {
        flag: "kubeconfig",
        fate: "no flag of prometheus-adapter",
        instead: "`--lister-kubeconfig`, `--authentication-kubeconfig` and `--authorization-kubeconfig`",
        source: ADAPTER,
    },
    Obsolete {
        flag: "master",
        fate: "no flag of prometheus-adapter",
        instead: "`--lister-kubeconfig`; in a pod none is needed",
        source: ADAPTER,
    },
];

impl fmt::Display for Obsolete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            flag,
            fate,
            instead,
            source,
        } = self;
        write!(f, "`--{flag}` is {fate}; instead: {instead} ({source})")
    }
}

/// What became of a flag, given without its dashes.
pub(super) fn of_flag(name: &str) -> Option<&'static Obsolete> {
    TABLE.iter().find(|row| row.flag == name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Args;
    use super::*;

    #[test]
    fn no_living_flag_is_called_obsolete() {
        let command = Args::command();
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(of_flag(flag).is_none(), "{flag}");
        }
    }

    #[test]
    fn the_page_shows_the_table_and_nothing_else() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/obsolete.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, after) = page
            .split_once("<!-- adapter/src/args/obsolete.rs -->\n")
            .unwrap();
        let (shown, _) = after.split_once("<!-- end -->").unwrap();
        let mut table =
            "| typed | what became of it | instead | source |\n|---|---|---|---|\n".to_owned();
        for Obsolete {
            flag,
            fate,
            instead,
            source,
        } in &TABLE
        {
            table += &format!("| `--{flag}` | {fate} | {instead} | {source} |\n");
        }
        assert_eq!(
            shown, table,
            "docs/obsolete.md is old: put this table into it"
        );
    }
}
