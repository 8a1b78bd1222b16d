use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use setpoint_rules::{RuleFile, SeriesCollector};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// What is found in files of these names and texts.
fn checked(texts: &[(&str, &str)]) -> (tempfile::TempDir, Vec<Result<Checked, String>>) {
    let folder = tempfile::tempdir().unwrap();
    let of = |(name, text): &(&str, &str)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Checked::of(&path).map_err(|error| {
            let said = crate::error_chain::error_chain(&error);
            said.replace(&folder.path().display().to_string(), "…")
        })
    };
    let found = texts.iter().map(of).collect();
    (folder, found)
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn codes(file: &Checked) -> Vec<(usize, &'static str)> {
    let findings = file.findings.iter();
    findings
        .map(|finding| (finding.line, finding.kind.code))
        .collect()
}

const BAD: &str = "rules:\n- seriesQuery: 'mails{namespace!=\"\",pod!=\"\"}'\n  resources: {template: '<<.Resource>>'}\n  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>})\n";

#[test]
fn what_is_no_configuration_is_told_in_one_sentence() {
    let long = format!("rules: []\n#{}\n", "x".repeat(10 << 20));
    let texts = [
        ("empty", " \n"),
        ("zero", "rules: []\0"),
        ("service", "kind: Service\n"),
        ("long", long.as_str()),
    ];
    let (folder, found) = checked(&texts);
    let said: Vec<String> = found.into_iter().map(|found| found.unwrap_err()).collect();
    assert_eq!(said[0], "…/empty is empty");
    assert_eq!(
        said[1],
        "…/zero is no text: there is something else than UTF-8 at byte 9 (line 1, column 10): save the file as UTF-8"
    );
    assert!(
        said[2].starts_with("…/service has neither rules nor"),
        "{}",
        said[2]
    );
    assert!(said[3].contains("has more than 4 MiB"), "{}", said[3]);
    fs::write(folder.path().join("latin"), b"rules: []\n# \xe9\n").unwrap();
    let of = |name: &str| {
        let error = Checked::of(&folder.path().join(name)).unwrap_err();
        crate::error_chain::error_chain(&error)
    };
    let latin = of("latin");
    assert!(
        latin.ends_with("at byte 12 (line 2, column 3): save the file as UTF-8"),
        "{latin}"
    );
    assert!(of("").contains("is a folder: name its files"));
    assert!(of("missing").starts_with("read "));
}

#[test]
fn a_file_that_would_unfold_to_gigabytes_is_a_finding() {
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let (_folder, found) = checked(&[("bomb", &format!("{bomb}rules: *a11\n"))]);
    let file = found.into_iter().next().unwrap().unwrap();
    assert_eq!(codes(&file)[0].1, "not-yaml");
}

#[test]
fn the_arguments_of_an_adapter_in_a_manifest_are_looked_at() {
    let deployment = "kind: ConfigMap\ndata:\n  config.yaml: 'rules: []'\n---\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - image: nginx\n        args: [--what]\n      - image: registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0\n        args:\n        - /adapter\n        - --config=/etc/adapter/config.yaml\n        - --rate-interval=5m\n        - --prometheus-urll=http://p\n";
    let (_folder, found) = checked(&[("all.yaml", deployment)]);
    let file = found.into_iter().next().unwrap().unwrap();
    assert_eq!(codes(&file), [(16, "obsolete-flag"), (17, "unknown-flag")]);
    assert!(file.findings[0].sentence.contains("`metricsQuery`"));
}

#[test]
fn reports_say_where_what_and_what_helps() {
    let (folder, found) = checked(&[("bad.yaml", BAD), ("good.yaml", "rules: []\n")]);
    let files: Vec<Checked> = found.into_iter().map(Result::unwrap).collect();
    let here = |text: &str| text.replace(&folder.path().display().to_string(), "…");
    let pretty = anstream::adapter::strip_str(&report::pretty(&files, &[])).to_string();
    insta::assert_snapshot!("pretty", here(&pretty));
    let json = format!("{:#}", report::json(&files, &[]));
    insta::assert_snapshot!("json", here(&json));
    let mut sarif = report::sarif(&files);
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].take();
    insta::assert_snapshot!("sarif", here(&format!("{sarif:#}")));
    let listed = rules.as_array().unwrap().iter();
    let mut listed: Vec<_> = listed.map(|rule| rule["id"].as_str().unwrap()).collect();
    let count = listed.len();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), count);
    assert!(listed.contains(&"label-lost") && listed.contains(&"obsolete-flag"));
}

#[test]
fn what_we_ship_and_what_people_run_has_nothing_worse_than_a_note() {
    for path in [
        "adapter/deploy/base/adapter-config.yaml",
        "adapter/deploy/base/adapter.yaml",
        "adapter/deploy/walkthrough/config.yaml",
        "fixtures/config/pass/classic.yaml",
        "fixtures/config/pass/with-other-kinds-of-rules.yaml",
        "fixtures/rule-tests/chart-values/values.yaml",
        "fixtures/rule-tests/dcgm/rules.yaml",
        "fixtures/rule-tests/istio/rules.yaml",
        "fixtures/rule-tests/kube-prometheus/rules.yaml",
        "fixtures/rule-tests/openshift/config.yaml",
    ] {
        let file = Checked::of(&repository(path)).unwrap();
        let worse = file.findings.iter();
        let worse = worse.filter(|finding| finding.kind.severity > Severity::Note);
        assert_eq!(worse.count(), 0, "{path}: {:?}", file.findings);
    }
}

#[test]
fn mistakes_that_people_made_are_found() {
    for (path, code) in [
        ("chart-values", "label-lost"),
        ("dcgm", "no-label-matchers"),
        ("istio", "several-results"),
        ("openshift", "short-window"),
    ] {
        let path = format!("fixtures/rule-tests/{path}/mistake.yaml");
        let file = Checked::of(&repository(&path)).unwrap();
        let found: Vec<_> = codes(&file).into_iter().map(|(_, code)| code).collect();
        assert_eq!(found, [code], "{path}");
    }
}

#[test]
fn the_page_shows_all_kinds_and_nothing_else() {
    let page = fs::read_to_string(repository("docs/checking-rules.md")).unwrap();
    let (_, after) = page.split_once("<!-- kinds -->\n").unwrap();
    let (shown, _) = after.split_once("<!-- end -->").unwrap();
    let mut table = "| code | severity | what it is about |\n|---|---|---|\n".to_owned();
    let kinds = setpoint_rules::KINDS.iter().chain(&manifest::KINDS);
    for kind in kinds.chain(&discovery::KINDS).chain(&compare::KINDS) {
        let (code, severity, about) = (kind.code, kind.severity, kind.about);
        table += &format!("| `{code}` | {severity} | {about} |\n");
    }
    assert_eq!(
        shown, table,
        "docs/checking-rules.md is old: put this table into it"
    );
}

const LOAD: &str = "rules:\n- seriesQuery: 'load{pod!=\"\"}'\n  resources: {template: '<<.Resource>>'}\n  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)\n- seriesQuery: nothing\n  resources: {template: '<<.Resource>>'}\n  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)\nexternalRules:\n- seriesQuery: backlog\n  resources: {namespaced: false}\n  metricsQuery: my_sum(backlog{<<.LabelMatchers>>})\n";

/// A Prometheus with the series `load` and `backlog`, and an adapter that lists two metrics.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    let answer = |body: serde_json::Value| ResponseTemplate::new(200).set_body_json(body);
    let series = |of: serde_json::Value| answer(json!({"status": "success", "data": of}));
    for (query, found) in [
        (
            "load{pod!=\"\"}",
            json!([{"__name__": "load", "namespace": "n", "pod": "p"}]),
        ),
        ("backlog", json!([{"__name__": "backlog"}])),
        ("nothing", json!([])),
    ] {
        let asked = Mock::given(path("/api/v1/series")).and(query_param("match[]", query));
        asked.respond_with(series(found)).mount(&server).await;
    }
    let unknown = json!({"status": "error", "errorType": "bad_data", "error": "unknown function with name \"my_sum\""});
    let refused = ResponseTemplate::new(400).set_body_json(unknown);
    let asked = query_param("query", "my_sum(backlog{a_label=\"a-value\"})");
    Mock::given(asked)
        .respond_with(refused)
        .with_priority(1)
        .mount(&server)
        .await;
    let empty = json!({"status": "success", "data": {"resultType": "vector", "result": []}});
    Mock::given(path("/api/v1/query"))
        .respond_with(answer(empty))
        .mount(&server)
        .await;
    let listed = json!({"kind": "APIResourceList", "resources": [{"name": "pods/load"}, {"name": "pods/work"}]});
    let custom = Mock::given(path("/apis/custom.metrics.k8s.io/v1beta1"));
    custom.respond_with(answer(listed)).mount(&server).await;
    server
}

fn check_args(arguments: &[&str]) -> CheckArgs {
    let arguments = [&["setpoint-adapter", "check"], arguments].concat();
    let args = <crate::args::Args as clap::Parser>::parse_from(arguments);
    let Some(crate::args::Command::Check(args)) = args.command else {
        panic!("{args:?}");
    };
    *args
}

/// What is known of files of these names and texts.
async fn looked(texts: &[(&str, &str)], flags: &[&str]) -> Result<Looked, String> {
    let (folder, _) = checked(texts);
    let path = |(name, _): &(&str, &str)| folder.path().join(name).display().to_string();
    let paths: Vec<String> = texts.iter().map(path).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let args = check_args(&[&paths[..], flags].concat());
    Looked::at(&args).await.map_err(|error| error.to_string())
}

async fn discovered(file: &mut Checked, server: &MockServer) -> Discovered {
    let args = check_args(&["x", "--prometheus-url", &server.uri()]);
    let url = args.prometheus_url.unwrap();
    let prometheus = args.upstream.prometheus(url, None).unwrap();
    let mapper = Arc::new(RestMapper::built_in());
    let age = args.upstream.metrics_max_age;
    discovery::discover(file, &prometheus, mapper, age)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_prometheus_says_which_metrics_there_are_and_what_it_refuses() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let server = server().await;
    let (_folder, found) = checked(&[("load.yaml", LOAD)]);
    let mut file = found.into_iter().next().unwrap().unwrap();
    assert_eq!(codes(&file), []);
    let discovered = discovered(&mut file, &server).await;
    let names: Vec<_> = discovered.names().map(|(_, name)| name).collect();
    assert_eq!(names, ["namespaces/load", "pods/load", "backlog"]);
    assert_eq!(codes(&file), [(5, "no-series"), (11, "refused-query")]);
    let listed = Listed {
        url: server.uri().parse().unwrap(),
        ca: None,
        token: None,
    };
    let differs = listed.compare(&discovered).await.unwrap();
    let differs: Vec<_> = differs
        .iter()
        .map(|finding| (finding.kind.code, finding.subject.as_str()))
        .collect();
    assert_eq!(
        differs,
        [
            ("metric-missing", "custom.metrics.k8s.io/pods/work"),
            ("metric-new", "custom.metrics.k8s.io/namespaces/load"),
            ("metric-new", "external.metrics.k8s.io/backlog"),
        ]
    );
}

#[test]
fn roles_name_the_metrics_and_the_objects() {
    let rules = format!("{LOAD}resourceRules: {{}}\n").replace(
        "template: '<<.Resource>>'",
        "overrides: {ns: {resource: namespace}, d: {group: apps, resource: deployment}}",
    );
    let file = RuleFile::parse(&rules).unwrap().unwrap();
    let mut wanted = Wanted::default();
    wanted.add(&file.expected(), None, true);
    insta::assert_snapshot!(wanted.roles());
    let mut collector = SeriesCollector::default();
    collector.add("load", ["ns", "d"]).unwrap();
    let series = collector.finish();
    let discovered = Discovered {
        custom: file
            .rules()
            .discover(|_| Some(&series), Arc::new(RestMapper::built_in())),
        ..Discovered::default()
    };
    let mut wanted = Wanted::default();
    wanted.add(&file.expected(), Some(&discovered), false);
    let roles = wanted.roles();
    assert!(
        roles.contains("\"deployments.apps/load\"") && !roles.contains("backlog"),
        "{roles}"
    );
}

/// Whether there are roles by files, and the exit code.
async fn roles(texts: &[(&str, &str)]) -> (bool, u8) {
    let looked = looked(texts, &["--emit-rbac"]).await.unwrap();
    (looked.roles().is_some(), looked.exit_code())
}

#[tokio::test]
async fn there_are_no_roles_where_rules_cant_be_read() {
    let (good, tab) = (("good.yaml", LOAD), ("tab.yaml", "rules:\n\t- a\n"));
    assert_eq!(roles(&[good]).await, (true, 0));
    assert_eq!(roles(&[tab]).await, (false, 1));
    assert_eq!(roles(&[good, tab]).await, (false, 1));
    assert_eq!(roles(&[good, ("empty.yaml", "")]).await, (false, 2));
    let pod = "kind: Pod\nspec: {containers: [{image: prometheus-adapter, args: [--config=/c]}]}\n";
    assert_eq!(roles(&[("pod.yaml", pod)]).await, (false, 2));
    assert_eq!(roles(&[good, ("pod.yaml", pod)]).await, (true, 0));
}

#[tokio::test]
async fn findings_are_told_beside_a_server_that_refuses_to_be_compared_with() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (prometheus, refusing) = (server().await, MockServer::start().await);
    let refusal = Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(401));
    refusal.mount(&refusing).await;
    let (url, compared) = (prometheus.uri(), refusing.uri());
    let flags = ["--prometheus-url", &url, "--compare-with", &compared];
    let looked = looked(&[("load.yaml", LOAD)], &flags).await.unwrap();
    let found = codes(&looked.checked[0]);
    assert_eq!(found, [(5, "no-series"), (11, "refused-query")]);
    assert_eq!(looked.discovered[0].as_ref().unwrap().names().count(), 3);
    let failures: Vec<String> = looked.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains("answers 401"), "{failures:?}");
    assert_eq!(looked.exit_code(), 2);
}

#[tokio::test]
async fn rules_without_an_answer_are_told_and_their_roles_are_those_of_the_rules_alone() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let prometheus = server().await;
    let rules = LOAD.replace("seriesQuery: nothing", "seriesQuery: unknown");
    let url = prometheus.uri();
    let flags = ["--emit-rbac", "--prometheus-url", &url];
    let looked = looked(&[("load.yaml", &rules)], &flags).await.unwrap();
    let found = codes(&looked.checked[0]);
    assert_eq!(found, [(5, "no-answer"), (11, "refused-query")]);
    let roles = looked.roles().unwrap();
    assert!(
        roles.contains("unknown") && roles.contains("load"),
        "{roles}"
    );
}

#[tokio::test]
async fn an_upstream_that_no_file_has_cant_be_reached_elsewhere() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let flags = [
        "--prometheus-url=http://127.0.0.1:1",
        "--upstream-url=a=http://127.0.0.1:1",
    ];
    let refused = looked(&[("load.yaml", LOAD)], &flags).await.err();
    let said = "--upstream-url says where the upstream `a` is reached, and `upstreams` of the configuration has none";
    assert_eq!(refused.as_deref(), Some(said));
    let of = |name: &str| format!("upstreams: [{{name: {name}, url: 'http://a'}}]\nrules: []\n");
    let refused = looked(&[("b.yaml", &of("b"))], &flags).await.err();
    assert!(refused.unwrap().ends_with("has `b`"));
    let of_a = of("a");
    let both = [("load.yaml", LOAD), ("a.yaml", of_a.as_str())];
    assert!(looked(&both, &flags).await.is_ok());
}
