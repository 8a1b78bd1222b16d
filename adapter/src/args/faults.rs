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
                let index = position(arguments, &flag);
                faults.push((index, FlagFault::WithoutEffect(flag, reason)));
            }
            // A patch of a manifest may have no arguments.
            if args.command.is_none()
                && !arguments.is_empty()
                && let Err(error) = args.serve.related()
            {
                let index = error.flag().map(|flag| position(arguments, flag));
                let fault = FlagFault::Bad(error.to_string());
                faults.push((index.unwrap_or_default(), fault));
            }
        }
        Err(error) => {
            let said = redaction::message(&error).unwrap_or_else(|| {
                let text = error.to_string();
                // What follows is how the program is used.
                let said = text.split("\n\n").next().unwrap_or_default();
                let lines: Vec<_> = said.lines().map(str::trim).collect();
                lines.join(" ").trim_start_matches("error: ").to_owned()
            });
            faults.push((0, FlagFault::Bad(said)));
        }
    }
    faults
}

/// Where a flag stands among arguments; of several, the last counts.
fn position(arguments: &[&str], flag: &str) -> usize {
    let is_it = |argument: &&str| argument.split('=').next() == Some(flag);
    arguments.iter().rposition(is_it).unwrap_or_default()
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
    fn flags_that_the_adapter_refuses_together_are_told_where_one_stands() {
        let bad = |arguments: &[&str]| {
            let found = flag_faults(arguments);
            let [(index, FlagFault::Bad(said))] = &found[..] else {
                panic!("{arguments:?}: {found:?}");
            };
            (*index, said.clone())
        };
        let relist = "--metrics-relist-interval=1m";
        let (index, said) = bad(&["--config=/x", relist, "--metrics-max-age=30s"]);
        assert_eq!(index, 2);
        assert!(
            said.contains("--metrics-max-age must not be shorter"),
            "{said}"
        );
        let (_, said) = bad(&["--config=/x", "--metrics-max-age", "30s"]);
        assert!(
            said.contains("--metrics-max-age must not be shorter"),
            "{said}"
        );
        let (index, said) = bad(&["/adapter", relist]);
        assert_eq!(index, 0);
        assert!(said.contains("--config"), "{said}");
        let two = [
            "--config=/x",
            "--prometheus-auth-incluster",
            "--prometheus-auth-config=/k",
        ];
        let (index, said) = bad(&two);
        assert_eq!(index, 2);
        assert!(said.contains("--prometheus-auth-incluster"), "{said}");
        let (index, said) = bad(&["--prometheus-url=http://me:pass%zz@p:9090", "--config=/x"]);
        assert_eq!(index, 0);
        assert!(
            said.contains("--prometheus-url") && !said.contains("pass%"),
            "{said}"
        );
        assert!(matches!(
            &bad(&["--config=/x", "--tls-cert-file=/c"]),
            (0, said) if said.contains("--tls-private-key-file")
        ));
        for good in [
            &["--config=/x", relist, "--metrics-max-age=1m"][..],
            &["--config=/x", relist, "--metrics-max-age=0"],
            &["schema"],
            &[],
        ] {
            assert_eq!(flag_faults(good), [], "{good:?}");
        }
    }

    #[test]
    fn a_password_in_an_argument_is_not_repeated() {
        let found = flag_faults(&["--prometheus-url=secret:pass@p:9090"]);
        assert!(!format!("{found:?}").contains("pass"), "{found:?}");
    }
}
