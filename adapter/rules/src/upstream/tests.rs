use super::*;
use crate::path::tests::resource;
use crate::{Consumers, ExternalQuery, MetricQuery, RuleFile, Rules};

/// The configuration with these upstreams, and a rule that names `mimir`.
fn configuration(upstreams: &str) -> String {
    format!(
        "upstreams:\n{upstreams}rules:\n- seriesQuery: 'load{{namespace!=\"\"}}'\n  resources: {{template: '<<.Resource>>'}}\n  metricsQuery: sum(<<.Series>>{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)\n  upstream: mimir\n"
    )
}

/// What is refused of upstreams, with its place.
fn refused(upstreams: &str) -> Vec<String> {
    let text = configuration(upstreams);
    let file = match RuleFile::parse(&text) {
        Ok(file) => file.unwrap(),
        Err(findings) => {
            return findings
                .iter()
                .map(|found| format!("{}: {found}", found.line))
                .collect();
        }
    };
    assert_eq!(file.is_refused(), Rules::parse(&text).is_err(), "{text}");
    let found = file.findings().iter();
    let found = found.filter(|finding| finding.kind.code == "refused");
    found
        .map(|finding| format!("{}:{}: {finding}", finding.line, finding.column))
        .collect()
}

#[test]
fn an_upstream_has_what_the_configuration_says() {
    let text = configuration(
        "- {name: mimir, url: 'https://mimir.example/prometheus/', verb: post, timeout: 5s, maxResponseBytes: 1Mi, bearerTokenFile: /t, \
         tls: {caFile: /ca, certFile: /c, keyFile: /k}, headers: {X-Scope-OrgID: '<<.Namespace>>'}}\n- {name: other, url: 'http://o', basicAuth: {username: u, passwordFile: /p}}\n",
    );
    let rules = Rules::parse(&text).unwrap();
    let [mimir, other] = rules.upstreams() else {
        panic!("{:?}", rules.upstreams());
    };
    assert_eq!(mimir.url.as_str(), "https://mimir.example/prometheus/");
    assert!(mimir.post && !other.post);
    assert_eq!(mimir.timeout, Some(Duration::from_secs(5)));
    assert_eq!(mimir.max_response_bytes, Some(1 << 20));
    assert_eq!(mimir.client_certificate, Some(("/c".into(), "/k".into())));
    assert_eq!(other.basic_auth, Some(("u".to_owned(), "/p".into())));
    let rule = &rules.custom()[0];
    let to = rule.asks(Some("shop")).unwrap();
    assert_eq!(to.upstream.as_deref(), Some(&**mimir));
    assert_eq!(to.headers, [("X-Scope-OrgID".into(), "shop".to_owned())]);
    let relist = &rule.series_asked().to;
    assert_eq!((&relist.upstream, relist.headers.len()), (&to.upstream, 0));
    assert_eq!(
        rule.asks(Some("*")).unwrap(),
        *relist,
        "no namespace is called so"
    );
}

#[test]
fn an_upstream_that_cant_be_used_is_refused_where_it_stands() {
    let good = "name: mimir, url: 'http://a'";
    assert_eq!(refused(&format!("- {{{good}}}\n")), [""; 0]);
    // Where the value of the key stands; the upstream itself where it lacks the key.
    for (upstream, value, said) in [
        ("url: 'http://a'", "", "upstreams[0]: name is empty"),
        ("name: mimir", "", "upstreams[0]: url: only http and https"),
        (
            "name: mimir, url: 'a:9090'",
            "'a:9090'",
            "is http:// missing",
        ),
        (
            "name: 'a b', url: 'http://a'",
            "'a b'",
            "`a b` is no name of up to 63 letters",
        ),
        (
            "name: mimir, url: 'http://u:hunter2@a'",
            "'http://u:",
            "url holds credentials",
        ),
        (
            "name: mimir, url: 'http://a', verb: PUT",
            "PUT",
            "neither GET nor POST",
        ),
        (
            "name: mimir, url: 'http://a', timeout: 1h",
            "1h",
            "`1h` is no duration such as 10s",
        ),
        (
            "name: mimir, url: 'http://a', timeout: 0s",
            "0s",
            "`0s` is no duration",
        ),
        (
            "name: mimir, url: 'http://a', maxResponseBytes: 2Gi",
            "2Gi",
            "`2Gi` is no number of bytes",
        ),
        (
            "name: mimir, url: 'http://a', maxResponseBytes: 0",
            "0}",
            "`0` is no number of bytes",
        ),
        (
            "name: mimir, url: 'http://a', basicAuth: {username: u}",
            "{username: u}",
            "needs username and passwordFile",
        ),
        (
            "name: mimir, url: 'http://a', basicAuth: {username: u, passwordFile: /p}, bearerTokenFile: /t",
            "{username: u, p",
            "can't be used at the same time",
        ),
        (
            "name: mimir, url: 'http://a', tls: {certFile: /c}",
            "{certFile",
            "needs certFile and keyFile",
        ),
        (
            "name: mimir, url: 'http://a', headers: {Authorization: x}",
            "{Authorization",
            "`Authorization` is a secret",
        ),
    ] {
        let found = refused(&format!("- {{{upstream}}}\n"));
        let text = format!("- {{{upstream}}}");
        let column = match value {
            "" => 3,
            value => text.find(value).unwrap() + 1,
        };
        assert!(
            found[0].starts_with(&format!("2:{column}: ")),
            "{upstream}: {found:?}"
        );
        assert!(found[0].contains(said), "{upstream}: {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    let twice = refused(&format!("- {{{good}}}\n- {{{good}}}\n"));
    assert_eq!(
        twice,
        ["3:10: upstreams[1]: name: there is another upstream `mimir` before it"]
    );
    let unknown_key = refused("- {name: mimir, url: 'http://a', password: hunter2}\n");
    assert!(
        unknown_key[0].contains("unknown field `password`") && !unknown_key[0].contains("hunter2"),
        "{unknown_key:?}"
    );
}

#[test]
fn a_rule_names_an_upstream_that_there_is() {
    let found = refused("- {name: thanos, url: 'http://a'}\n");
    assert_eq!(
        found,
        ["7:13: rules[0]: upstream: there is no upstream `mimir`; there is `thanos`"]
    );
    let none = refused(" []\n");
    assert!(
        none[0].contains("there is no upstream `mimir`; `upstreams` of the configuration has none"),
        "{none:?}"
    );
}

#[test]
fn a_url_needs_a_scheme_that_prometheus_has() {
    for good in ["http://prometheus:9090/prefix/", "https://localhost"] {
        assert!(parse_prometheus_url(good).is_ok(), "{good}");
    }
    for bad in [
        "prom.obs.svc:9090",
        "prometheus",
        "//prometheus",
        "unix:/socket",
        "",
    ] {
        assert_eq!(
            parse_prometheus_url(bad),
            Err(ParseUrlError::Scheme),
            "{bad}"
        );
    }
    let port = parse_prometheus_url("http://a:b");
    assert!(matches!(port, Err(ParseUrlError::Url(_))));
}

#[test]
fn a_request_is_made_with_the_headers_of_its_namespace() {
    let headers = "{X-Scope-OrgID: '<<.Namespace>>'}";
    let text = format!(
        "upstreams: [{{name: mimir, url: 'http://mimir'}}]\n\
         rules: [{{seriesQuery: load, upstream: mimir, headers: {headers}, resources: {{overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}}}]\n\
         externalRules: [{{seriesQuery: load, upstream: mimir, headers: {headers}}}]\n\
         resourceRules: {{upstream: mimir, headers: {headers}, cpu: {{containerQuery: a, nodeQuery: b}}, memory: {{containerQuery: a, nodeQuery: b}}}}\n"
    );
    let rules = Rules::parse(&text).unwrap();
    let series = crate::series::tests::names(&[("load", &["namespace", "pod"])]);
    let cluster = std::sync::Arc::new(crate::resources::tests::cluster());
    let custom = rules.discover(|_| Some(&series), cluster.clone());
    let external = rules.discover_external(|_| Some(&series), cluster);
    let usage = rules.usage().unwrap();
    let of_custom = |path: &str| {
        let path = format!("/apis/custom.metrics.k8s.io/v1beta2/{path}/load");
        let query = MetricQuery::new(&resource(&path), "").unwrap();
        custom.resolve(&query).unwrap()[0].asks().unwrap()
    };
    let of_external = || {
        let path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/load";
        let query = ExternalQuery::new(&resource(path), "").unwrap();
        external.resolve(&query).unwrap()[0].asks().unwrap()
    };
    let pods = usage.asks(Consumers::Pods("shop")).unwrap();
    for to in [
        of_custom("namespaces/shop/pods/web-1"),
        of_custom("namespaces/shop/pods/*"),
        of_custom("namespaces/shop/metrics"),
        of_external(),
        pods,
    ] {
        assert_eq!(to.headers, [("X-Scope-OrgID".into(), "shop".to_owned())]);
        assert_eq!(to.upstream.unwrap().name, "mimir");
    }
    // There is no namespace that nodes are in.
    let nodes = usage.asks(Consumers::Nodes).unwrap();
    assert_eq!(nodes.headers.len(), 0);
    let rule = &rules.custom()[0];
    assert_eq!(rule.upstream().unwrap().name, "mimir");
    assert_eq!(usage.upstream().unwrap().name, "mimir");
    assert_eq!(rule.header_names().collect::<Vec<_>>(), ["X-Scope-OrgID"]);
    assert_eq!(usage.header_names().collect::<Vec<_>>(), ["X-Scope-OrgID"]);
    assert_eq!(rules.external()[0].upstream().unwrap().name, "mimir");
}
