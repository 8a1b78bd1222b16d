//! A container's environment: `$(VAR)` expansion and the order of its sources.
//!
//! Expansion follows `third_party/forked/golang/expansion` of Kubernetes, the order `makeEnvironmentVariables`
//! in `pkg/kubelet/kubelet_pods.go`, the Service variables `pkg/kubelet/envvars`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, Service};

/// Variables by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Replaces each `$(NAME)` that `lookup` knows; unknown and unfinished references stay as they are, `$$` is `$`.
pub(crate) fn expand<'v>(input: &str, lookup: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(input.len());
    let mut rest = input;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let reference = rest.strip_prefix('(').and_then(|inner| {
            inner
                .find(')')
                .map(|end| (&inner[..end], &inner[end + 1..]))
        });
        match reference {
            Some((name, after)) => {
                match lookup(name) {
                    Some(value) => out.push_str(value),
                    None => {
                        out.push_str("$(");
                        out.push_str(name);
                        out.push(')');
                    }
                }
                rest = after;
            }
            None => out.push('$'),
        }
    }
    out.push_str(rest);
    out
}

/// What `env` adds to `from`, the variables of `envFrom`, and to `services`; `resolve` reads a `valueFrom` and
/// answers `None` where an optional source is absent.
pub(crate) fn build<E>(
    env: &[EnvVar],
    from: Variables,
    services: &Variables,
    mut resolve: impl FnMut(&EnvVarSource) -> Result<Option<String>, E>,
) -> Result<Variables, E> {
    let mut known = from;
    for EnvVar {
        name,
        value,
        value_from,
    } in env
    {
        let given = value.as_deref().unwrap_or_default();
        let value = match value_from {
            _ if !given.is_empty() => Some(expand(given, |name| {
                known
                    .get(name)
                    .or_else(|| services.get(name))
                    .map(String::as_str)
            })),
            Some(source) => resolve(source)?,
            None => Some(String::new()),
        };
        if let Some(value) = value {
            known.insert(name.clone(), value);
        }
    }
    for (name, value) in services {
        known.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(known)
}

/// The variables by which a container finds Services: `KUBERNETES_SERVICE_HOST` and its kin.
pub(crate) fn of_services<'s>(services: impl IntoIterator<Item = &'s Service>) -> Variables {
    let mut variables = Variables::new();
    for service in services {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let Some(spec) = &service.spec else { continue };
        let ip = spec.cluster_ip.as_deref().unwrap_or_default();
        let ports = spec.ports.as_deref().unwrap_or_default();
        let Some(first) = ports.first() else { continue };
        if ip.is_empty() || ip == "None" {
            continue;
        }
        let prefix = variable_name(name);
        variables.insert(format!("{prefix}_SERVICE_HOST"), ip.to_owned());
        variables.insert(format!("{prefix}_SERVICE_PORT"), first.port.to_string());
        let protocol_of =
            |protocol: &Option<String>| protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
        variables.insert(
            format!("{prefix}_PORT"),
            format!("{}://{ip}:{}", protocol_of(&first.protocol), first.port),
        );
        for port in ports {
            let number = port.port;
            if let Some(port_name) = &port.name {
                let key = format!("{prefix}_SERVICE_PORT_{}", variable_name(port_name));
                variables.insert(key, number.to_string());
            }
            let protocol = protocol_of(&port.protocol);
            let link = format!("{prefix}_PORT_{number}_{}", protocol.to_ascii_uppercase());
            variables.insert(link.clone(), format!("{protocol}://{ip}:{number}"));
            variables.insert(format!("{link}_PROTO"), protocol);
            variables.insert(format!("{link}_PORT"), number.to_string());
            variables.insert(format!("{link}_ADDR"), ip.to_owned());
        }
    }
    variables
}

fn variable_name(name: &str) -> String {
    name.replace('-', "_").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The cases of Kubernetes' own `expand_test.go`.
    #[test]
    fn references_expand_as_kubernetes_expands_them() {
        let context = variables(&[
            ("VAR_A", "A"),
            ("VAR_B", "B"),
            ("VAR_C", "C"),
            ("VAR_REF", "$(VAR_A)"),
            ("VAR_EMPTY", ""),
        ]);
        for (input, expected) in [
            ("$(VAR_A)", "A"),
            ("$(VAR_A)-$(VAR_A)", "A-A"),
            ("$(VAR_A)-1", "A-1"),
            ("___$(VAR_B)___", "___B___"),
            ("___$(VAR_C)", "___C"),
            ("$(VAR_A)_$(VAR_B)_$(VAR_C)", "A_B_C"),
            ("$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"),
            ("$$(VAR_A)_$$(VAR_B)", "$(VAR_A)_$(VAR_B)"),
            ("f000-$$VAR_A", "f000-$VAR_A"),
            (r"foo\$(VAR_C)bar", r"foo\Cbar"),
            (r"foo\\$(VAR_C)bar", r"foo\\Cbar"),
            (r"foo\\\\$(VAR_A)bar", r"foo\\\\Abar"),
            ("$(VAR_A$(VAR_B))", "$(VAR_A$(VAR_B))"),
            ("$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"),
            ("$(VAR_REF)", "$(VAR_A)"),
            ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
            ("foo$(VAR_EMPTY)bar", "foobar"),
            ("foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"),
            ("f00__(VAR_A)__", "f00__(VAR_A)__"),
            ("$?_boo_$!", "$?_boo_$!"),
            ("$VAR_A", "$VAR_A"),
            ("$(VAR_DNE)", "$(VAR_DNE)"),
            ("$$$$$$(BIG_MONEY)", "$$$(BIG_MONEY)"),
            ("$$$$$$(VAR_A)", "$$$(VAR_A)"),
            ("$$$$$$$(GOOD_ODDS)", "$$$$(GOOD_ODDS)"),
            ("$$$$$$$(VAR_A)", "$$$A"),
            ("$VAR_A)", "$VAR_A)"),
            ("${VAR_A}", "${VAR_A}"),
            ("$(VAR_B)_______$(A", "B_______$(A"),
            ("$(VAR_C)_______$(", "C_______$("),
            ("$(VAR_A)foobarzab$", "Afoobarzab$"),
            (r"foo-\$(VAR_A", r"foo-\$(VAR_A"),
            ("--$($($($($--", "--$($($($($--"),
            ("$($($($($--foo$(", "$($($($($--foo$("),
            ("foo0--$($($($(", "foo0--$($($($("),
            ("$(foo$$var)", "$(foo$$var)"),
            ("\n", "\n"),
            ("$£FOO", "$£FOO"),
            ("prefix-$€-suffix", "prefix-$€-suffix"),
            ("$中文", "$中文"),
        ] {
            let expanded = expand(input, |name| context.get(name).map(String::as_str));
            assert_eq!(expanded, expected, "{input}");
        }
    }

    proptest! {
        #[test]
        fn doubling_every_dollar_keeps_a_text_as_it_is(text in ".*") {
            prop_assert_eq!(expand(&text.replace('$', "$$"), |_| Some("never")), text);
        }

        #[test]
        fn no_text_makes_expansion_panic(text in "[$()A-C£]{0,20}") {
            expand(&text, |name| (name == "A").then_some("$(B)"));
        }
    }

    fn given(name: &str, value: &str) -> EnvVar {
        EnvVar {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            value_from: None,
        }
    }

    #[test]
    fn a_variable_sees_only_those_declared_before_it() {
        let env = [
            given("EARLY", "$(LATE)"),
            given("LATE", "late"),
            given("AFTER", "$(LATE)-$(FROM)-$(SERVICE)"),
        ];
        let built = build::<()>(
            &env,
            variables(&[("FROM", "from"), ("LATE", "replaced")]),
            &variables(&[("SERVICE", "service"), ("FROM", "hidden")]),
            |_| Ok(None),
        );
        assert_eq!(
            built.expect("nothing to resolve"),
            variables(&[
                ("EARLY", "replaced"),
                ("LATE", "late"),
                ("AFTER", "late-from-service"),
                ("FROM", "from"),
                ("SERVICE", "service"),
            ])
        );
    }

    #[test]
    fn an_absent_optional_source_sets_nothing() {
        let env = [EnvVar {
            name: "ABSENT".to_owned(),
            value: None,
            value_from: Some(EnvVarSource::default()),
        }];
        let built = build::<()>(&env, Variables::new(), &Variables::new(), |_| Ok(None));
        assert_eq!(built.expect("optional"), Variables::new());
    }

    #[test]
    fn the_api_servers_service_gives_its_clients_their_variables() {
        let service: Service = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "kubernetes"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
        }))
        .expect("a Service");
        assert_eq!(
            of_services([&service]),
            variables(&[
                ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
                ("KUBERNETES_SERVICE_PORT", "443"),
                ("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
                ("KUBERNETES_PORT", "tcp://10.96.0.1:443"),
                ("KUBERNETES_PORT_443_TCP", "tcp://10.96.0.1:443"),
                ("KUBERNETES_PORT_443_TCP_PROTO", "tcp"),
                ("KUBERNETES_PORT_443_TCP_PORT", "443"),
                ("KUBERNETES_PORT_443_TCP_ADDR", "10.96.0.1"),
            ])
        );
    }
}
