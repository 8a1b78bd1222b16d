use super::{At, Check, Kind, Look, Severity, Told};
use crate::config::MetricsDiscoveryConfig;

static KIND: Kind = Kind {
    code: "unused-upstream",
    severity: Severity::Warning,
    about: "No rule names an upstream, so nothing is asked of it.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Configuration(look),
};

fn look(config: &MetricsDiscoveryConfig, told: &mut Told<'_>) {
    let rules = config.rules.iter().chain(&config.external_rules);
    let rules = rules.map(|rule| &rule.upstream);
    let usage = config.resource_rules.iter().map(|rules| &rules.upstream);
    let named: Vec<&String> = rules.chain(usage).collect();
    for (index, upstream) in config.upstreams.iter().enumerate() {
        if !named.contains(&&upstream.name) {
            told.tell(
                At::rule("upstreams", index, "name"),
                format!("no rule names the upstream `{}`", upstream.name),
                "name it by `upstream` of a rule or of `resourceRules`; a rule without that asks the server of --prometheus-url",
            );
        }
    }
}
