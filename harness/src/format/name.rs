//! Names that objects can have (kubernetes.io, "Object Names and IDs").

use super::{Checks, ObjectRef, Place};

/// How long the name of an object may be.
const LONGEST: usize = 253;
/// How long the name of a namespace may be.
const LONGEST_LABEL: usize = 63;

/// API groups in which every kind has such names. Others have kinds with names of their own, such as roles: `system:…`.
const OF_SUBDOMAINS: [&str; 7] = [
    "",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "policy",
];

impl Checks<'_> {
    /// The name of an object of a kind whose names can be in DNS.
    pub(crate) fn name(&mut self, name: &str, place: &Place) {
        if name.is_empty() {
            self.at(place, "expected a name");
        } else if !is_subdomain(name) {
            let problem = format!(
                "no object can have the name `{name}`; expected small letters, digits, `-` and `.`, such as web-1"
            );
            self.at(place, problem);
        }
    }

    /// The name of a namespace.
    pub(crate) fn namespace(&mut self, name: &str, place: &Place) {
        if !is_label(name) {
            let problem = format!(
                "no namespace can have the name `{name}`; expected small letters, digits and `-`, such as web-1"
            );
            self.at(place, problem);
        }
    }

    /// What an object is known by, in a map with its `name` and its `namespace`.
    pub(crate) fn reference(&mut self, object: &ObjectRef, map: &Place) {
        let place = map.key("name");
        if OF_SUBDOMAINS.contains(&object.group()) {
            self.name(&object.name, place);
        } else if object.name.is_empty() {
            self.at(place, "expected a name");
        } else if !is_in_a_path(&object.name) {
            let problem = format!(
                "no object can have the name `{}`: it has to be a part of a path",
                object.name
            );
            self.at(place, problem);
        }
        if let Some(namespace) = &object.namespace {
            self.namespace(namespace, map.key("namespace"));
        }
    }
}

/// Whether it is a label of DNS (RFC 1123).
fn is_label(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && is_part(text)
}

/// Whether it is a subdomain of DNS (RFC 1123), as Kubernetes has it: the length of its parts isn't limited.
fn is_subdomain(text: &str) -> bool {
    text.len() <= LONGEST && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether it can stand between two slashes of a path.
fn is_in_a_path(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '%'])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn problems(api_version: &str, namespace: Option<&str>, name: &str) -> String {
        let object = ObjectRef {
            api_version: api_version.to_owned(),
            kind: "Any".to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        let mut checks = Checks::new(Path::new("."));
        checks.reference(&object, &Place::of("{name: a, namespace: b}"));
        checks.problems().join("\n")
    }

    #[test]
    fn a_name_that_an_object_can_have_is_no_problem() {
        for name in ["web", "1", "web-1.example.org", &"a".repeat(253)] {
            assert_eq!(problems("apps/v1", Some("my-shop"), name), "");
        }
        for name in ["system:discovery", "Web_X", "prom:system:auth"] {
            let group = "rbac.authorization.k8s.io/v1";
            assert_eq!(problems(group, None, name), "");
        }
    }

    #[test]
    fn a_name_that_no_object_can_have_is_told() {
        for name in ["Web_X", "-web", "web-", "web..x", "ä", &"a".repeat(254)] {
            let told = problems("v1", None, name);
            let expected = format!("1:8: no object can have the name `{name}`; expected small");
            assert!(told.starts_with(&expected), "{told}");
        }
        assert_eq!(problems("autoscaling/v2", None, ""), "1:8: expected a name");
        assert_eq!(problems("example.org/v1", None, ""), "1:8: expected a name");
        assert_eq!(
            problems("example.org/v1", None, "a/b"),
            "1:8: no object can have the name `a/b`: it has to be a part of a path"
        );
        for namespace in ["", "a.b", "Shop", &"a".repeat(64)] {
            let told = problems("v1", Some(namespace), "web");
            let expected = format!("1:22: no namespace can have the name `{namespace}`; expected");
            assert!(told.starts_with(&expected), "{told}");
        }
    }
}
