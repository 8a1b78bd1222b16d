use super::*;

#[tokio::test]
async fn requests_are_counted_by_names_that_no_client_can_choose() {
    let router = router();
    let none = format!("{V1}/namespaces/default/pods/*/nothing");
    let paths = ["/version", &none, "/apis/my.group/v1/pods", "/metrics"];
    let [_, _, _, (code, metrics)] = answers(&router, paths).await;
    assert_eq!(code, 200);
    for line in [
        r#"apiserver_request_total{verb="GET",group="",version="",resource="",scope="",component="apiserver",code="200"} 1"#,
        r#"apiserver_request_total{verb="GET",group="",version="",resource="",scope="",component="apiserver",code="404"} 1"#,
        r#"apiserver_request_total{verb="GET",group="custom.metrics.k8s.io",version="v1beta1",resource="*",scope="resource",component="custom-metrics",code="404"} 1"#,
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("my.group"), "{metrics}");
}

#[tokio::test]
async fn no_requests_of_strangers_make_more_labels_than_there_are() {
    let router = router();
    for number in 0..200 {
        let method = ["GET", "PUT", "PURGE", "X-1"][number % 4];
        let path = match number % 5 {
            0 => format!("/apis/g{number}/v1/namespaces/n/pods/*/m"),
            1 => format!("{V1}/namespaces/n{number}/pods/p{number}/m{number}"),
            2 => format!("/apis/custom.metrics.k8s.io/v{number}/nodes/*/m"),
            3 => format!("{V2}/nodes/n{number}/m{number}?labelSelector=a%3D{number}"),
            _ => format!("/{number}"),
        };
        let request = http::Request::builder().method(method).uri(path);
        let request = request.body(axum::body::Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    let [(_, metrics)] = answers(&router, ["/metrics"]).await;
    let series = |metrics: &str| {
        metrics
            .lines()
            .filter(|line| line.starts_with("apiserver_request_total{"))
            .count()
    };
    assert!(series(&metrics) <= 40, "{metrics}");
    assert!(
        !metrics.contains("PURGE") && !metrics.contains("g10"),
        "{metrics}"
    );
}
