//! What old instructions still tell people to type, and what replaced it: the first table of `docs/obsolete.md`, which is
//! where these facts stand. What the adapter's own command line has lost stands beside that command line.

use std::fmt;
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../docs/obsolete.md");

/// Something obsolete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Obsolete {
    /// A flag of any program of the control plane, an API's group and version, or the last part of an image's name.
    what: &'static str,
    is_image: bool,
    fate: &'static str,
    instead: &'static str,
    /// Where both are said.
    source: &'static str,
}

static TABLE: LazyLock<Vec<Obsolete>> = LazyLock::new(|| {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.filter_map(Obsolete::of_row).collect()
});

impl Obsolete {
    fn of_row(row: &'static str) -> Option<Self> {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [typed, fate, instead, source] = cells[..] else {
            return None;
        };
        let image = typed.strip_prefix("image ");
        Some(Self {
            what: image.unwrap_or(typed).trim_matches('`'),
            is_image: image.is_some(),
            fate,
            instead,
            source,
        })
    }
}

impl fmt::Display for Obsolete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            fate,
            instead,
            source,
            ..
        } = self;
        write!(f, "`{what}` is {fate}; instead: {instead} ({source})")
    }
}

fn find(is_image: bool, is_it: impl Fn(&str) -> bool) -> Option<&'static Obsolete> {
    let is_it = |row: &&Obsolete| row.is_image == is_image && is_it(row.what);
    TABLE.iter().find(is_it)
}

/// What is obsolete about a flag, given as `--name` or `--name=value`. A row that has a value means only that one.
pub(crate) fn of_flag(text: &str) -> Option<&'static Obsolete> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    find(false, |what| match what.split_once('=') {
        Some((flag, obsolete)) => name == flag && value.split(',').any(|one| one == obsolete),
        None => name == what,
    })
}

/// What is obsolete about a group and version.
pub(crate) fn of_api(group_version: &str) -> Option<&'static Obsolete> {
    find(false, |what| what == group_version)
}

/// What is obsolete about a request's path: its group and version.
pub(crate) fn of_path(path: &str) -> Option<&'static Obsolete> {
    let path = path.split('?').next()?;
    let mut parts = path.strip_prefix("/apis/")?.split('/');
    of_api(&format!("{}/{}", parts.next()?, parts.next()?))
}

/// What is obsolete about a container image.
pub(crate) fn of_image(image: &str) -> Option<&'static Obsolete> {
    let name = image.rsplit('/').next()?;
    let name = name.split([':', '@']).next()?;
    // Its images had the architecture in their names: heapster-amd64.
    find(true, |what| {
        name.strip_prefix(what)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_found_with_and_without_a_value() {
        let found = |text: &str| of_flag(text).map(|row| row.what);
        let rest = "--horizontal-pod-autoscaler-use-rest-clients";
        assert_eq!(found(rest), Some(rest));
        assert_eq!(found(&format!("{rest}=true")), Some(rest));
        assert_eq!(found("--master=http://127.0.0.1:8080"), Some("--master"));
        assert_eq!(found("--master-service-namespace=default"), None);
        assert_eq!(found("--horizontal-pod-autoscaler-sync-period=1s"), None);
    }

    #[test]
    fn only_the_obsolete_value_of_a_living_flag_is_found() {
        let found = |text: &str| of_flag(text).map(|row| row.what);
        let all = Some("--runtime-config=api/all=true");
        assert_eq!(found("--runtime-config=api/all=true"), all);
        assert_eq!(found("--runtime-config=batch/v2=true,api/all=true"), all);
        assert_eq!(found("--runtime-config=api/alpha=true"), None);
        assert_eq!(found("--runtime-config=api/all=false"), None);
    }

    #[test]
    fn a_path_is_known_by_its_group_and_version() {
        let found = |text: &str| of_path(text).map(|row| row.what);
        let v1 = Some("custom.metrics.k8s.io/v1");
        assert_eq!(found("/apis/custom.metrics.k8s.io/v1"), v1);
        assert_eq!(found("/apis/custom.metrics.k8s.io/v1?timeout=1s"), v1);
        assert_eq!(
            found("/apis/custom.metrics.k8s.io/v1/namespaces/a/pods/*/rps"),
            v1
        );
        assert_eq!(found("/apis/custom.metrics.k8s.io/v1beta1"), None);
        assert_eq!(found("/apis/custom.metrics.k8s.io"), None);
        assert_eq!(found("/api/v1/pods"), None);
    }

    #[test]
    fn an_image_is_known_whatever_its_registry_and_tag() {
        for image in [
            "heapster",
            "k8s.gcr.io/heapster-amd64:v1.5.4",
            "localhost:5000/heapster@sha256:0",
        ] {
            assert!(of_image(image).is_some(), "{image}");
        }
        for image in ["heapsters", "heapster/other:v1", "nginx"] {
            assert!(of_image(image).is_none(), "{image}");
        }
    }

    #[test]
    fn no_fact_stands_there_twice() {
        for (index, row) in TABLE.iter().enumerate() {
            let others = TABLE[index + 1..].iter();
            assert!(others.clone().all(|other| other.what != row.what), "{row}");
        }
    }

    #[test]
    fn the_page_has_flags_apis_and_an_image() {
        let count = |is_it: fn(&Obsolete) -> bool| TABLE.iter().filter(|row| is_it(row)).count();
        assert_eq!(count(|row| row.what.starts_with("--")), 8);
        assert_eq!(count(|row| row.what.contains("/v")), 13);
        assert_eq!(count(|row| row.is_image), 1);
        assert_eq!(TABLE.len(), 22);
        assert_eq!(
            of_flag("--logtostderr").unwrap().to_string(),
            "`--logtostderr` is gone since Kubernetes v1.26; instead: leave it out: logs go to standard error (kubernetes/kubernetes#112120)"
        );
    }
}
