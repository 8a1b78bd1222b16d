//! `Quantity` against what the real apimachinery said (`fixtures/golden/quantity.json`), and its
//! laws.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use proptest::prelude::*;
use serde::Deserialize;
use setpoint_metrics_api::{Format, Quantity};

#[derive(Deserialize)]
struct Vector {
    text: String,
    error: Option<String>,
    #[serde(default)]
    printed: String,
    #[serde(default)]
    canonical: String,
    #[serde(default)]
    format: String,
    milli: Option<i64>,
    compared: Option<i8>,
}

fn vectors() -> Vec<Vector> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/golden/quantity.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file"))
        .expect("golden vectors")
}

/// All differences at once: one is seldom alone.
fn assert_none(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn every_text_is_parsed_and_printed_as_apimachinery_does() {
    let mut differences = Vec::new();
    for vector in vectors() {
        let ours = match vector.text.parse::<Quantity>() {
            Ok(quantity) => format!(
                "{quantity} {:?} {:?}",
                quantity.format(),
                vector.milli.and(quantity.milli_value())
            ),
            Err(error) => error.to_string(),
        };
        let format = match vector.format.as_str() {
            "DecimalExponent" => Format::DecimalExponent,
            "BinarySI" => Format::BinarySi,
            _ => Format::DecimalSi,
        };
        let theirs = vector
            .error
            .unwrap_or_else(|| format!("{} {format:?} {:?}", vector.printed, vector.milli));
        if ours != theirs {
            differences.push(format!("{:?}: ours {ours}, theirs {theirs}", vector.text));
        }
    }
    assert_none(&differences);
}

#[test]
fn the_canonical_form_is_apimachinerys() {
    let mut differences = Vec::new();
    for vector in vectors()
        .into_iter()
        .filter(|vector| vector.error.is_none())
    {
        let ours = vector
            .text
            .parse::<Quantity>()
            .unwrap()
            .canonical()
            .to_string();
        if ours != vector.canonical {
            differences.push(format!(
                "{:?}: ours {ours}, theirs {}",
                vector.text, vector.canonical
            ));
        }
    }
    assert_none(&differences);
}

#[test]
fn numbers_compare_as_in_apimachinery() {
    let mut previous: Option<Quantity> = None;
    let mut differences = Vec::new();
    for vector in vectors() {
        let Ok(quantity) = vector.text.parse::<Quantity>() else {
            continue;
        };
        if let (Some(previous), Some(compared)) = (&previous, vector.compared) {
            let theirs = compared.cmp(&0);
            if quantity.cmp(previous) != theirs {
                differences.push(format!(
                    "{:?} and {previous}: theirs {theirs:?}",
                    vector.text
                ));
            }
        }
        previous = Some(quantity);
    }
    assert_none(&differences);
}

#[test]
fn json_may_hold_a_number_or_null_where_a_string_is_usual() {
    for (json, expected) in [
        ("5", "5"),
        ("\"1500m\"", "1500m"),
        ("1.5", "1500m"),
        ("null", "0"),
        ("\" 2k \"", "2k"),
    ] {
        let quantity: Quantity = serde_json::from_str(json).unwrap();
        assert_eq!(quantity, expected.parse().unwrap(), "{json}");
    }
}

#[test]
fn json_of_another_type_is_refused_with_an_example() {
    let error = serde_json::from_str::<Quantity>("true").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a quantity such as \"1500m\""),
        "{error}"
    );
}

#[test]
fn equal_numbers_are_one_in_a_set_however_they_are_written() {
    let set = |texts: &[&str]| -> HashSet<Quantity> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    assert_eq!(set(&["1500m", "1.5", "15e-1"]).len(), 1);
    assert_eq!(set(&["1500m", "1501m", "0"]).len(), 3);
    let hash = |text: &str| {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(text.parse::<Quantity>().unwrap())
    };
    assert_eq!(hash("2k"), hash("2e3"));
    assert_ne!(hash("2k"), hash("3k"));
}

#[test]
fn a_number_is_zero_less_or_another_one() {
    let quantity = |text: &str| text.parse::<Quantity>().unwrap();
    assert!(quantity("0m").is_zero() && !quantity("1n").is_zero());
    assert!(quantity("1n") != quantity("2n") && quantity("1n") < quantity("2n"));
    let floats = ["1500m", "-1Ki", "0"].map(|text| quantity(text).as_f64());
    assert_eq!(floats, [1.5, -1024.0, 0.0]);
}

#[test]
fn a_number_of_very_many_digits_costs_nothing() {
    let quantity = |text: &str| text.parse::<Quantity>().unwrap();
    assert_eq!(quantity("1e-999999999"), quantity("1n"));
}

proptest! {
    #[test]
    fn printing_and_parsing_again_gives_the_same_number(milli in any::<i64>()) {
        let quantity = Quantity::from_milli(milli);
        prop_assert_eq!(&quantity.to_string().parse::<Quantity>().unwrap(), &quantity);
        prop_assert_eq!(quantity.milli_value(), Some(milli));
    }

    #[test]
    fn order_is_that_of_the_numbers(left in any::<i64>(), right in any::<i64>()) {
        prop_assert_eq!(Quantity::from_milli(left).cmp(&Quantity::from_milli(right)), left.cmp(&right));
    }

    #[test]
    fn no_text_makes_it_panic_or_dawdle(text in "[+-]?[0-9.]{0,40}[eEinumkKMGTP]{0,3}[+-]?[0-9]{0,20}") {
        if let Ok(quantity) = text.parse::<Quantity>() {
            let _ = (quantity.to_string(), quantity.milli_value(), quantity.as_f64());
            prop_assert_eq!(quantity.cmp(&Quantity::from_milli(1)), Quantity::from_milli(1).cmp(&quantity).reverse());
            prop_assert_eq!(quantity.cmp(&quantity.clone()), Ordering::Equal);
        }
    }
}
