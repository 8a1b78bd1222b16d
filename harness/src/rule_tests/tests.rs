//! Whole files of tests: those of `fixtures/rule-tests`.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rule-tests")
}

/// The files of all configurations whose name ends with `end`, sorted.
fn files(end: &str) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(folder()).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = folders.map(|folder| folder.join(end)).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

/// What people read, without colours and with paths from the folder of fixtures on.
fn text(report: &FileReport) -> String {
    let text = anstream::adapter::strip_str(&report.to_text()).to_string();
    text.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn configurations_of_public_shapes_answer_what_their_tests_expect() {
    let mut files = files("test.yaml");
    assert_eq!(files.len(), 7);
    files.push(folder().join("refused.test.yaml"));
    let mut failures = String::new();
    for file in files {
        let report = TestFile::load(&file).unwrap().run();
        assert!(report.tests.len() >= 3);
        if report.failed() > 0 {
            failures.push_str(&text(&report));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn each_mistake_that_people_made_is_found_and_explained() {
    let files = files("mistake.test.yaml");
    assert_eq!(files.len(), 7);
    for file in files {
        let report = TestFile::load(&file).unwrap().run();
        assert_eq!(report.failed(), 1, "{}", file.display());
        let shape = file.parent().unwrap().file_name().unwrap();
        insta::with_settings!({snapshot_path => folder().join(shape), prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("mistake", text(&report));
        });
    }
}

#[test]
fn a_file_that_cant_be_used_is_refused_with_line_and_column() {
    let folder = folder().join("fail");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    assert!(files.len() >= 14);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let error = TestFile::load(&file).expect_err(&name);
        let error = setpoint_support::error_chain(&error);
        let error = error.replace(&format!("{}/", folder.display()), "");
        insta::with_settings!({snapshot_path => &folder, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, error);
        });
    }
}

#[test]
fn a_report_for_programs_says_what_was_answered() {
    let file = folder().join("dcgm/mistake.test.yaml");
    let mut report = TestFile::load(&file).unwrap().run();
    report.path = "mistake.test.yaml".into();
    let json: serde_json::Value =
        serde_json::from_str(&to_json(std::slice::from_ref(&report)).unwrap()).unwrap();
    assert_eq!(
        (&json["passed"], &json["failed"]),
        (&serde_json::json!(0), &serde_json::json!(1))
    );
    let answer = &json["files"][0]["tests"][0]["answer"];
    assert_eq!(answer["kind"], "MetricValueList");
    assert_eq!(answer["apiVersion"], "custom.metrics.k8s.io/v1beta2");
    assert_eq!(answer["items"][0]["value"], "50");
    let junit = to_junit(std::slice::from_ref(&report)).unwrap();
    assert!(
        junit.contains(
            r#"<testsuite name="mistake.test.yaml" tests="1" disabled="0" errors="0" failures="1">"#
        ),
        "{junit}"
    );
    assert!(junit.contains("-- {name: trainer-0, value: 90}"), "{junit}");
}

/// The blocks of a page in a language; those of the empty one are output.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = page.split("\n```").skip(1).step_by(2);
    let prefix = format!("{language}\n");
    let found = blocks
        .by_ref()
        .filter_map(|block| block.strip_prefix(&prefix));
    found.map(|block| format!("{block}\n")).collect()
}

#[test]
fn the_front_page_and_the_documentation_show_what_is_printed() {
    let page = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let readme = page("README.md");
    let yaml = blocks(&readme, "yaml");
    let said = blocks(&readme, "");
    let temporary = tempfile::tempdir().unwrap();
    let run = |rules: &str| {
        std::fs::write(temporary.path().join("rules.yaml"), rules).unwrap();
        let path = temporary.path().join("rules.test.yaml");
        let mut report = TestFile::of(&path, yaml[1].clone()).unwrap().run();
        report.path = "rules.test.yaml".into();
        text(&report)
    };
    let (failing, passing) = (run(&yaml[0]), {
        let cured = yaml[0].replace("sum(rate", "sum by (<<.GroupBy>>) (rate");
        run(&cured)
    });
    assert!(said[0].starts_with(&failing), "{failing}");
    assert!(said[1].starts_with(&passing), "{passing}");
    let mistake = TestFile::load(&folder().join("chart-values/mistake.test.yaml"));
    let shown = text(&mistake.unwrap().run());
    let docs = page("docs/testing-rules.md");
    assert!(
        blocks(&docs, "")
            .iter()
            .any(|block| block.starts_with(&shown)),
        "{shown}"
    );
}

#[test]
fn the_schema_beside_the_documentation_is_current() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/rule-tests.schema.json"
    );
    if std::env::var_os("SETPOINT_UPDATE").is_some() {
        std::fs::write(path, schema()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    // Not `assert_eq`: two schemas are too long to read.
    assert!(
        kept == schema(),
        "it is old; SETPOINT_UPDATE=1 renews it, as does `setpoint schema test > docs/rule-tests.schema.json`"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "rule_files: \\[x\\]\ntests:\n(- (name|interval|input_series|objects|metric_test|discovery_test): [{}a-z'0-9: ,\\[\\]-]{0,30}\n){0,4}") {
        let _ = TestFile::of(Path::new("nowhere/test.yaml"), text);
    }
}
