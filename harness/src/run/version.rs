//! What a cluster can't do because of its version, which is known once it is there.

use crate::format::Need;
use crate::report::SkipReason;
use crate::scenario::Document;

/// Why a scenario can't be judged on a cluster of this version of Kubernetes.
pub(super) fn lacks(document: &Document, version: &str) -> Option<SkipReason> {
    /// The first version with the feature gate HPAScaleToZero on (`pkg/features/kube_features.go`).
    const SCALES_TO_ZERO: (u32, u32) = (1, 37);
    let needs_zero = document.needs.contains(&Need::ScaleToZero);
    let lacks = needs_zero && minor_version(version).is_none_or(|minor| minor < SCALES_TO_ZERO);
    lacks.then(|| SkipReason::NotCapable {
        cluster: format!("Kubernetes {version}"),
        need: Need::ScaleToZero.to_string(),
        why: "the feature gate HPAScaleToZero is on from 1.37 on".to_owned(),
    })
}

/// The first two numbers of a version such as `v1.37.2`.
fn minor_version(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::super::backend::tests::document;
    use super::*;

    #[test]
    fn before_1_37_nobody_is_scaled_to_zero_unasked() {
        let zero = document("needs: [hpa, scale-to-zero]");
        for version in ["v1.37.0", "v1.37.2-eks-1", "v1.40.0", "v2.0.0", "1.37"] {
            assert_eq!(lacks(&zero, version), None, "{version}");
        }
        for version in ["v1.36.3", "v1.9.0", "v0.99.0", "v1", "", "master"] {
            let reason = lacks(&zero, version).unwrap().to_string();
            let start = format!("Kubernetes {version} can't do scale-to-zero: ");
            assert!(reason.starts_with(&start), "{reason}");
        }
        assert_eq!(lacks(&document("needs: [hpa]"), "v1.36.3"), None);
    }
}
