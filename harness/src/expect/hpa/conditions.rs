//! The conditions that the HPA controller writes.

use crate::nearest::nearest;

/// Their types (k8s.io/api, autoscaling/v2); the last one is of HPAs that may scale to zero.
const TYPES: [&str; 4] = [
    "AbleToScale",
    "ScalingActive",
    "ScalingLimited",
    "ScaledToZero",
];

/// What is wrong with a condition's type, if no HPA has such a condition.
pub(super) fn unknown_condition(type_: &str) -> Option<String> {
    if TYPES.contains(&type_) {
        return None;
    }
    let near = nearest(type_, TYPES.into_iter());
    let meant = near.map_or_else(String::new, |near| format!("; near it is `{near}`"));
    Some(format!(
        "no HPA has a condition `{type_}`{meant}; there are {}",
        TYPES.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_no_hpa_has_is_told_with_the_one_that_is_near() {
        for known in TYPES {
            assert_eq!(unknown_condition(known), None);
        }
        for (written, near) in [
            ("ScalingActiv", "ScalingActive"),
            ("scalinglimited", "ScalingLimited"),
            ("ScaleToZero", "ScaledToZero"),
        ] {
            let told = unknown_condition(written).unwrap();
            let expected = format!("`{written}`; near it is `{near}`; there are AbleToScale, ");
            assert!(told.contains(&expected), "{told}");
        }
        assert_eq!(
            unknown_condition("Ready").unwrap(),
            "no HPA has a condition `Ready`; there are AbleToScale, ScalingActive, ScalingLimited, ScaledToZero"
        );
    }
}
