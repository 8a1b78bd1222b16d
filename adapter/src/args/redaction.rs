//! Messages about wrong arguments that don't repeat what may be a secret.

use std::error::Error as _;

use clap::error::{ContextKind, ErrorKind};

use super::obsolete;

/// Flags whose values may hold credentials.
const SECRET: [&str; 2] = ["prometheus-header", "prometheus-url"];

/// The message in place of clap's, which repeats the argument; none where clap's shows no secret.
pub(super) fn message(error: &clap::Error) -> Option<String> {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let argument = argument.unwrap_or_default();
    let name = flag(&argument);
    match error.kind() {
        ErrorKind::UnknownArgument => match name {
            // A value without its flag, such as the second half of an unquoted header.
            None => Some(lost_value()),
            Some(name) => obsolete::of_flag(name).map(ToString::to_string),
        },
        ErrorKind::InvalidSubcommand => Some(lost_value()),
        ErrorKind::ArgumentConflict if error.get(ContextKind::InvalidSubcommand).is_some() => {
            Some(lost_value())
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue
            if name.is_some_and(|name| SECRET.contains(&name)) =>
        {
            let reason = error.source().map(ToString::to_string);
            Some(format!(
                "the value of {argument} can't be used: {}",
                reason.unwrap_or_else(|| "it is missing".to_owned())
            ))
        }
        _ => None,
    }
}

fn lost_value() -> String {
    "there is an argument that belongs to no flag; a subcommand stands alone, and values are written as --flag=value, \
     in quotes where they hold spaces"
        .to_owned()
}

/// The name of `--name`, `--name=value` or `--name <VALUE>`.
fn flag(argument: &str) -> Option<&str> {
    argument.strip_prefix("--")?.split(['=', ' ']).next()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    /// The message about arguments.
    fn message_for(arguments: &[&str]) -> String {
        let error = Args::try_parse_from([&["setpoint-adapter"], arguments].concat()).unwrap_err();
        message(&error).unwrap_or_else(|| error.to_string())
    }

    #[test]
    fn credentials_in_arguments_that_cannot_be_used_are_not_repeated() {
        for arguments in [
            &["--prometheus-header", "Authorization: Bearer hunter2"][..],
            &["--prometheus-header=Authorization: Bearer hunter2="],
            &["--prometheus-header=Authorization=hunter2\n"],
            &["--prometheus-headers=Authorization=hunter2"],
            &["--prometheus-headers", "Authorization=hunter2"],
            &["--prometheus-url=https://user:hunter2@prometheus:port"],
            &["--prometheus-url=hunter2"],
        ] {
            let message = message_for(arguments);
            assert!(!message.contains("hunter2"), "{arguments:?}: {message}");
        }
    }

    #[test]
    fn messages_say_what_is_wrong() {
        for (argument, words) in [
            (
                "--prometheus-header=X",
                "--prometheus-header <NAME=VALUE> can't be used: expected name=value",
            ),
            (
                "--prometheus-header=a b=c",
                "what is before = is no header name",
            ),
            ("--prometheus-url=http://a:b", "invalid port number"),
            (
                "--prometheus-url=prom.obs.svc:9090",
                "only http and https can be used; is http:// missing in front?",
            ),
            ("--nonsense=1", "--nonsense"),
            ("--metrics-relist-interval=0s", "expected at least 100ms"),
        ] {
            let message = message_for(&[argument]);
            assert!(message.contains(words), "{argument}: {message}");
        }
    }
}
