use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::message_of;

/// What `ci/golden/protobuf` writes.
#[derive(Deserialize)]
struct Golden {
    document: Value,
    message: String,
}

#[test]
fn documents_have_the_bytes_of_go_s_messages() {
    let golden = include_str!("../../../../../fixtures/golden/protobuf.json");
    let golden: Vec<Golden> = serde_json::from_str(golden).unwrap();
    for Golden { document, message } in golden {
        let ours = message_of(document.to_string().as_bytes());
        let ours = ours.map(|ours| BASE64_STANDARD.encode(ours));
        assert_eq!(ours.as_deref(), Some(&*message), "{document}");
    }
}

#[test]
fn a_document_of_another_kind_has_no_message() {
    for document in [
        r#"{"swagger": "2.0"}"#,
        r#"{"kind": "Table", "apiVersion": "meta.k8s.io/v1"}"#,
        "[]",
        "",
    ] {
        assert_eq!(message_of(document.as_bytes()), None, "{document}");
    }
}

proptest! {
    #[test]
    fn bytes_that_are_no_document_have_no_message(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(message_of(&bytes), None);
    }
}
