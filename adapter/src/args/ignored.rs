//! Flags of prometheus-adapter that are accepted and change nothing, each with the reason.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::flag_values::parse_bool;

/// A flag without effect.
struct Ignored {
    name: &'static str,
    /// Whether it may stand without a value.
    is_boolean: bool,
    reason: &'static str,
}

const AUDIT: &str =
    "there is no audit log here; kube-apiserver, by which all requests come, has one";
const PROFILING: &str = "there is nothing like Go's profiles; /metrics has figures of the process";
const SHARING: &str = "the port is not shared";
const CLIENT: &str = "requests to the API server are not throttled: relists make two, and reviews have limits of their own";

const fn with_value(name: &'static str, reason: &'static str) -> Ignored {
    Ignored {
        name,
        is_boolean: false,
        reason,
    }
}

const fn boolean(name: &'static str, reason: &'static str) -> Ignored {
    Ignored {
        name,
        is_boolean: true,
        reason,
    }
}

/// In the order of `--help`.
const TABLE: &[Ignored] = &[
    with_value("cert-dir", "the self-signed pair is never written"),
    with_value("client-qps", CLIENT),
    with_value("client-burst", CLIENT),
    with_value(
        "discovery-interval",
        "as in prometheus-adapter; the cluster's resources are looked up at each relist",
    ),
    boolean("profiling", PROFILING),
    boolean("contention-profiling", PROFILING),
    with_value("debug-socket-path", PROFILING),
    boolean(
        "enable-priority-and-fairness",
        "clients have limits of their own; prometheus-adapter has it switched off",
    ),
    boolean("permit-address-sharing", SHARING),
    boolean("permit-port-sharing", SHARING),
    with_value("audit-policy-file", AUDIT),
    with_value("audit-log-path", AUDIT),
    with_value("audit-log-maxage", AUDIT),
    with_value("audit-log-maxbackup", AUDIT),
    with_value("audit-log-maxsize", AUDIT),
    with_value("audit-log-format", AUDIT),
    with_value("audit-log-version", AUDIT),
    boolean("audit-log-compress", AUDIT),
    with_value("audit-log-mode", AUDIT),
    with_value("audit-log-batch-buffer-size", AUDIT),
    with_value("audit-log-batch-max-size", AUDIT),
    with_value("audit-log-batch-max-wait", AUDIT),
    boolean("audit-log-batch-throttle-enable", AUDIT),
    with_value("audit-log-batch-throttle-qps", AUDIT),
    with_value("audit-log-batch-throttle-burst", AUDIT),
    boolean("audit-log-truncate-enabled", AUDIT),
    with_value("audit-log-truncate-max-batch-size", AUDIT),
    with_value("audit-log-truncate-max-event-size", AUDIT),
    with_value("audit-webhook-config-file", AUDIT),
    with_value("audit-webhook-initial-backoff", AUDIT),
    with_value("audit-webhook-batch-initial-backoff", AUDIT),
    with_value("audit-webhook-version", AUDIT),
    with_value("audit-webhook-mode", AUDIT),
    with_value("audit-webhook-batch-buffer-size", AUDIT),
    with_value("audit-webhook-batch-max-size", AUDIT),
    with_value("audit-webhook-batch-max-wait", AUDIT),
    boolean("audit-webhook-batch-throttle-enable", AUDIT),
    with_value("audit-webhook-batch-throttle-qps", AUDIT),
    with_value("audit-webhook-batch-throttle-burst", AUDIT),
    boolean("audit-webhook-truncate-enabled", AUDIT),
    with_value("audit-webhook-truncate-max-batch-size", AUDIT),
    with_value("audit-webhook-truncate-max-event-size", AUDIT),
];

/// Those of these flags that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct IgnoredArgs(Vec<&'static str>);

impl IgnoredArgs {
    /// The names of those that were given, and why they change nothing. `--profiling=false` and the
    /// like say what is so anyway, and `--cert-dir` stands in every chart; they aren't among them.
    pub(crate) fn told(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let given = TABLE.iter().filter(|flag| self.0.contains(&flag.name));
        given.map(|flag| (flag.name, flag.reason))
    }

    fn of(matches: &ArgMatches) -> Self {
        let is_told = |flag: &&Ignored| match flag.is_boolean {
            true => matches.get_one::<bool>(flag.name).copied().unwrap_or(false),
            false => flag.name != "cert-dir" && matches.contains_id(flag.name),
        };
        Self(TABLE.iter().filter(is_told).map(|flag| flag.name).collect())
    }
}

impl clap::Args for IgnoredArgs {
    fn augment_args(command: Command) -> Command {
        command.args(TABLE.iter().map(|flag| {
            let argument = Arg::new(flag.name)
                .long(flag.name)
                .help(format!("No effect: {}", flag.reason))
                .help_heading("Accepted flags of prometheus-adapter")
                .value_name("VALUE")
                .action(ArgAction::Set);
            if flag.is_boolean {
                argument
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true")
                    .value_parser(ValueParser::new(parse_bool))
            } else {
                argument
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for IgnoredArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::of(matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::of(matches);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Command {
        #[command(flatten)]
        ignored: IgnoredArgs,
    }

    fn told(arguments: &[&str]) -> Vec<&'static str> {
        let command = Command::try_parse_from([&["adapter"], arguments].concat());
        let command = command.map_err(|error| error.to_string()).unwrap();
        command.ignored.told().map(|(name, _)| name).collect()
    }

    #[test]
    fn flags_without_effect_are_told_unless_they_say_what_is_so_anyway() {
        let given = [
            "--audit-log-path=-",
            "--audit-log-maxage",
            "7",
            "--client-qps=5",
            "--client-qps=6",
            "--profiling=false",
            "--cert-dir=/tmp/cert",
            "--audit-webhook-truncate-enabled",
        ];
        let expected = [
            "client-qps",
            "audit-log-path",
            "audit-log-maxage",
            "audit-webhook-truncate-enabled",
        ];
        assert_eq!(told(&given), expected);
        assert_eq!(told(&[]), [""; 0]);
    }
}
