//! Templates: `metricsQuery`, and behind a tab `resources.template`. What stands outside of actions is copied as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use setpoint_fuzz::rules::{discovered, quoted, request_for, series};
use setpoint_rules::Rules;

/// What the templates give, if they can be compiled and the labels of the series fit. `name.matches` is quicker to compile than
/// what it is without.
fn rendered(query: &str, resources: &str) -> Option<String> {
    let rules = format!(
        "rules: [{{seriesQuery: up, name: {{matches: up}}, resources: {{template: {}, overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}, metricsQuery: {}}}]",
        quoted(resources),
        quoted(query)
    );
    let rules = Rules::parse(&rules).ok()?;
    let labels = [
        "namespace",
        "pod",
        "deployment",
        "kube_apps_deployment",
        "x",
    ];
    let metrics = discovered(&rules, &series(["up"], &labels));
    let mut asked = String::new();
    for info in metrics.iter() {
        let query = request_for(info, "*");
        for candidate in metrics.resolve(&query).expect("what is listed is found") {
            asked = candidate
                .promql(&["web-1".to_owned(), "web-2".to_owned()])
                .ok()?;
        }
    }
    Some(asked)
}

fuzz_target!(|text: &str| {
    let (query, resources) = text.split_once('\t').unwrap_or((text, ""));
    let Some(asked) = rendered(query, resources) else {
        return;
    };
    assert!(asked.len() <= 8 << 20, "{} bytes", asked.len());
    if !query.contains("<<") {
        assert_eq!(asked, query);
    }
    // No character between the two ends an action, begins one, or is white space that one trims.
    // Their own output may be what is too much.
    if let Some(framed) = rendered(&format!("x{query}y"), resources) {
        assert_eq!(framed, format!("x{asked}y"));
    }
});
