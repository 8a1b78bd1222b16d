//! What is wrong with arguments that a manifest has, flag by flag.

use clap::{CommandFactory as _, Parser as _};

use super::{Args, obsolete, redaction};

/// What is wrong with arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FlagFault {
    /// A flag that is gone, and what is said of it.
    Obsolete(String, String),
    /// There is no such flag.
    Unknown(String),
    /// A flag that changes nothing, and why.
    WithoutEffect(String, &'static str),
    /// They can't be used together, or one has a wrong value.
    Bad(String),
}

/// What is wrong with arguments, each with the position of its argument.
pub(crate) fn flag_faults(arguments: &[&str]) -> Vec<(usize, FlagFault)> {
    let command = Args::command();
    let is_known = |name: &str| {
        let mut flags = command.get_arguments().filter_map(clap::Arg::get_long);
        flags.any(|flag| flag == name) || matches!(name, "help" | "version")
    };
    let mut faults = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let Some(flag) = argument.strip_prefix("--") else {
            continue;
        };
        let name = flag.split('=').next().unwrap_or_default();
        let shown = format!("--{name}");
        match obsolete::of_flag(name) {
            Some(row) => faults.push((index, FlagFault::Obsolete(shown, row.to_string()))),
            None if !is_known(name) => faults.push((index, FlagFault::Unknown(shown))),
            None => {}
        }
    }
    if !faults.is_empty() {
        return faults;
    }
    // What the kubelet puts in their place isn't known.
    if arguments.iter().any(|argument| argument.contains("$(")) {
        return faults;
    }
    match Args::try_parse_from([&["setpoint-adapter"], arguments].concat()) {
        Ok(args) => {
            for (name, reason) in args.serve.ignored.told() {
                let flag = format!("--{name}");
                let is_it = |argument: &str| argument.split('=').next() == Some(&flag);
                let index = arguments.iter().position(|argument| is_it(argument));
                let fault = FlagFault::WithoutEffect(flag, reason);
                faults.push((index.unwrap_or_default(), fault));
            }
        }
        Err(error) => {
            let said = redaction::message(&error).unwrap_or_else(|| {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                line.trim_start_matches("error: ").to_owned()
            });
            faults.push((0, FlagFault::Bad(said)));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_gone_unknown_or_useless_are_told_apart() {
        let of = |arguments: &[&str]| flag_faults(arguments);
        assert_eq!(of(&["/adapter", "--config=/c", "--v=4"]), []);
        let found = of(&["--rate-interval=5m", "--prometheus-ur=http://p", "-v=4"]);
        assert!(
            matches!(&found[..], [(0, FlagFault::Obsolete(..)), (1, FlagFault::Unknown(name))] if name == "--prometheus-ur"),
            "{found:?}"
        );
        let found = of(&["--config=/c", "--audit-log-path=-"]);
        assert!(
            matches!(&found[..], [(1, FlagFault::WithoutEffect(name, _))] if name == "--audit-log-path"),
            "{found:?}"
        );
        let bad = of(&["--secure-port=many"]);
        assert!(matches!(&bad[..], [(0, FlagFault::Bad(_))]), "{bad:?}");
        assert_eq!(of(&["--prometheus-url=$(URL)"]), []);
    }

    #[test]
    fn a_password_in_an_argument_is_not_repeated() {
        let found = flag_faults(&["--prometheus-url=secret:pass@p:9090"]);
        assert!(!format!("{found:?}").contains("pass"), "{found:?}");
    }
}
