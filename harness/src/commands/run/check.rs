//! What `setpoint run` refuses before anything is started.

use super::RunArgs;
use crate::commands::BadInput;
use crate::run::ClusterKind;

impl RunArgs {
    /// Refuses flags that say something of another kind of clusters than the one that is chosen.
    ///
    /// # Errors
    /// When there is one.
    pub(super) fn check_cluster_flags(&self) -> Result<(), BadInput> {
        use ClusterKind::{Existing, Kind};
        let flags = [
            (
                "--kind",
                self.kind.is_some(),
                Kind,
                "it is the command that makes such clusters",
            ),
            (
                "--node-image",
                self.node_image.is_some(),
                Kind,
                "it is the image of such a cluster's node",
            ),
            (
                "--keep",
                self.keep,
                Kind,
                "a local plane ends with the process that started it; `setpoint cluster up` starts one that doesn't",
            ),
            (
                "--image",
                !self.images.is_empty(),
                Existing,
                "it is what the nodes of such a cluster pull",
            ),
            (
                "--yes",
                self.yes,
                Existing,
                "other clusters are made for the run, and nobody is asked",
            ),
        ];
        let chosen = self.cluster;
        let mut wrong = flags
            .into_iter()
            .filter(|(_, is_given, of, _)| *is_given && *of != chosen);
        match wrong.next() {
            None => Ok(()),
            Some((flag, _, of, why)) => Err(BadInput(anyhow::anyhow!(
                "{flag} is for --cluster {of}, not for {chosen}: {why}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn args(line: &str) -> RunArgs {
        let command = RunArgs::augment_args(clap::Command::new("run"));
        let line = std::iter::once("run").chain(line.split_whitespace());
        RunArgs::from_arg_matches(&command.try_get_matches_from(line).unwrap()).unwrap()
    }

    #[test]
    fn a_flag_of_another_kind_of_clusters_is_refused_with_the_kind_that_it_is_for() {
        for (line, told) in [
            (
                "--kind /nonexistent",
                "--kind is for --cluster kind, not for local: ",
            ),
            (
                "--node-image nope",
                "--node-image is for --cluster kind, not for local: ",
            ),
            ("--keep", "--keep is for --cluster kind, not for local: "),
            (
                "--image a=b",
                "--image is for --cluster existing, not for local: ",
            ),
            ("--yes", "--yes is for --cluster existing, not for local: "),
            (
                "--cluster kind --image a=b",
                "--image is for --cluster existing, not for kind: ",
            ),
            (
                "--cluster existing --kind /nonexistent",
                "--kind is for --cluster kind, not for existing: ",
            ),
        ] {
            let refused = args(line).check_cluster_flags().unwrap_err().to_string();
            assert!(refused.starts_with(told), "{line}: {refused}");
        }
        for line in [
            "",
            "--cluster kind --kind /kind --node-image a --keep",
            "--cluster existing --image a=b --yes",
        ] {
            args(line).check_cluster_flags().unwrap();
        }
    }
}
