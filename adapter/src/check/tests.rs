use std::fs;
use std::path::{Path, PathBuf};

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
        "…/zero is no text: there is something else than UTF-8 at byte 9"
    );
    assert!(
        said[2].starts_with("…/service has neither rules nor"),
        "{}",
        said[2]
    );
    assert!(said[3].contains("has more than 4 MiB"), "{}", said[3]);
    fs::write(folder.path().join("binary"), [0x7f, b'E', 0xff]).unwrap();
    let of = |name: &str| {
        Checked::of(&folder.path().join(name))
            .unwrap_err()
            .to_string()
    };
    assert!(of("binary").contains("is no text"));
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
    let pretty = anstream::adapter::strip_str(&report::pretty(&files)).to_string();
    insta::assert_snapshot!("pretty", here(&pretty));
    let json = format!("{:#}", report::json(&files));
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
    for kind in setpoint_rules::KINDS.iter().chain(&manifest::KINDS) {
        let (code, severity, about) = (kind.code, kind.severity, kind.about);
        table += &format!("| `{code}` | {severity} | {about} |\n");
    }
    assert_eq!(
        shown, table,
        "docs/checking-rules.md is old: put this table into it"
    );
}
