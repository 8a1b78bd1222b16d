use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;

const MANIFESTS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: serving-cm-adapter, namespace: prom}
type: kubernetes.io/tls
data: {tls.crt: '', tls.key: ''}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: prom}
data: {text: 'no', number: '0777'}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.custom.metrics.k8s.io}
spec: {service: {name: prometheus, namespace: prom, port: 443}, group: custom.metrics.k8s.io, version: v1beta1}
";

const DAY: Duration = Duration::from_secs(86_400);

fn decoded(value: &Value) -> Vec<u8> {
    serde_json::from_value::<k8s_openapi::ByteString>(value.clone())
        .unwrap()
        .0
}

#[test]
fn the_pair_fits_the_services_name_and_the_ca_bundle() {
    let mut documents = read(MANIFESTS).unwrap();
    fill(&mut documents, DAY, false).unwrap();
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(&decoded(&documents[0]["data"]["tls.crt"])).unwrap();
    let (_, ca) =
        x509_parser::pem::parse_x509_pem(&decoded(&documents[2]["spec"]["caBundle"])).unwrap();
    let (_, certificate) = X509Certificate::from_der(&pem.contents).unwrap();
    let (_, ca) = X509Certificate::from_der(&ca.contents).unwrap();
    assert_eq!(certificate.issuer(), ca.subject());
    // Before and after now, in seconds; the clocks of others may be behind.
    let now = jiff::Timestamp::now().as_second();
    for validity in [certificate.validity(), ca.validity()] {
        let (before, after) = (
            now - validity.not_before.timestamp(),
            validity.not_after.timestamp() - now,
        );
        assert!((3600..3660).contains(&before), "{before}");
        assert!((86_340..=86_400).contains(&after), "{after}");
    }
    let names = format!(
        "{:?}",
        certificate
            .subject_alternative_name()
            .unwrap()
            .unwrap()
            .value
    );
    assert!(names.contains("\"prometheus.prom.svc\""), "{names}");
    let key = String::from_utf8(decoded(&documents[0]["data"]["tls.key"])).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn other_documents_are_handed_on_as_they_are() {
    let mut documents = read(MANIFESTS).unwrap();
    let before = documents[1].clone();
    fill(&mut documents, DAY, false).unwrap();
    assert_eq!(read(&write(&documents).unwrap()).unwrap()[1], before);
    assert_eq!(before["data"], json!({"text": "no", "number": "0777"}));
}

#[test]
fn a_pair_that_is_there_is_only_replaced_when_asked_to() {
    let mut documents = read(MANIFESTS).unwrap();
    fill(&mut documents, DAY, false).unwrap();
    let first = documents[0].clone();
    let error = fill(&mut documents, DAY, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Secret `serving-cm-adapter` already holds a pair; --replace makes a new one"
    );
    fill(&mut documents, DAY, true).unwrap();
    assert_ne!(documents[0], first);
}

#[test]
fn manifests_that_leave_open_what_to_fill_are_refused() {
    let without = |kind: &str| {
        let mut documents = read(MANIFESTS).unwrap();
        documents.retain(|document| document["kind"] != kind);
        fill(&mut documents, DAY, false).unwrap_err()
    };
    assert!(matches!(without("APIService"), CertsError::NoService));
    assert!(matches!(without("Secret"), CertsError::NoSecret { .. }));
    let mut documents = read(MANIFESTS).unwrap();
    let mut second = documents[2].clone();
    second["spec"]["service"]["name"] = json!("other");
    documents.push(second);
    assert!(matches!(
        fill(&mut documents, DAY, false),
        Err(CertsError::SeveralServices { .. })
    ));
}

#[test]
fn a_validity_beyond_all_dates_is_refused() {
    let centuries = |centuries: u32| DAY * 36_525 * centuries;
    assert!(mint("prometheus", "prom", centuries(70)).is_ok());
    for valid_for in [centuries(90), Duration::MAX] {
        let error = mint("prometheus", "prom", valid_for)
            .err()
            .map(|error| error.to_string());
        assert!(
            error.is_some_and(|error| error.contains("year 9999")),
            "{valid_for:?}"
        );
    }
}
