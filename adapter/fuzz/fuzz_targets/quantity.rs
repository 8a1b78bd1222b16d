//! Quantities: what is read is printed as something that means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use setpoint_metrics_api::{Format, Quantity};

fuzz_target!(|text: &str| {
    let Ok(quantity) = text.parse::<Quantity>() else {
        return;
    };
    let read = |text: &str| -> Quantity {
        let read = text.parse();
        read.unwrap_or_else(|error| panic!("{text:?} was printed: {error}"))
    };
    let printed = quantity.to_string();
    // apimachinery has no suffix beyond `E` and prints `1000E` as `1`.
    if quantity.format() == Format::DecimalSi && quantity.as_f64().abs() >= 1e21 {
        return;
    }
    assert_eq!(read(&printed), quantity);
    assert_eq!(read(&printed).to_string(), printed);
    let canonical = quantity.canonical();
    assert_eq!(canonical, quantity);
    assert_eq!(
        read(&canonical.to_string()).canonical().to_string(),
        canonical.to_string()
    );
    if let Some(milli) = quantity.milli_value() {
        assert!(Quantity::from_milli(milli) >= quantity, "{printed}");
        if let Some(less) = milli.checked_sub(1) {
            assert!(Quantity::from_milli(less) < quantity, "{printed}");
        }
    }
    assert_eq!(quantity.is_zero(), quantity == Quantity::from_integer(0));
    let json = serde_json::to_string(&quantity).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Quantity>(&json).expect(&json),
        quantity
    );
});
