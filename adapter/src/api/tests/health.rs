use super::*;

#[tokio::test(start_paused = true)]
async fn a_prometheus_that_does_not_answer_makes_the_adapter_unready_for_half_a_minute() {
    let router = router();
    let probes = ["/readyz", "/healthz", "/livez"];
    let codes = |answers: [(u16, String); 3]| answers.map(|(code, _)| code);
    assert_eq!(codes(answers(&router, probes).await), [500, 200, 200]);
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(codes(answers(&router, probes).await), [500, 200, 200]);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(codes(answers(&router, probes).await), [200; 3]);
    let [(_, verbose)] = answers(&router, ["/readyz?verbose"]).await;
    let expected = "[+]relist-attempted ok\n[-]relist-rule-0 failed: reason withheld\n";
    assert!(verbose.contains(expected), "{verbose}");
}

#[tokio::test]
async fn what_fails_although_the_adapter_is_ready_is_told_verbosely() {
    let reloads = Reloads::default();
    let metrics = Fixed {
        relisted: true,
        failure: Some("unreachable"),
    };
    let router = router_with(metrics, reloads.clone());
    reloads.failed("serving-certificate", &std::io::Error::other("broken"));
    reloads.unchanged("configuration");
    let [short, (code, verbose)] = answers(&router, ["/readyz", "/readyz?verbose"]).await;
    assert_eq!(short, (200, "ok".to_owned()));
    assert_eq!(code, 200);
    let expected = [
        "[+]ping ok",
        "[+]relist-attempted ok",
        "[-]relist-rule-0 failed: reason withheld",
        "[+]authentication-configured ok",
        "[+]shutdown ok",
        "[+]reload-configuration ok",
        "[-]reload-serving-certificate failed: reason withheld",
        "readyz check passed",
    ];
    assert_eq!(verbose.lines().collect::<Vec<_>>(), expected);
    let paths = [
        "/readyz/relist-rule-0",
        "/readyz/relist-attempted",
        "/readyz/relist-rule-1",
        "/livez/ping",
    ];
    let [failing, passing, none, ping] = answers(&router, paths).await;
    let reason = "internal server error: unreachable; the adapter's log says more\n";
    assert_eq!(failing, (500, reason.to_owned()));
    assert_eq!([passing.0, none.0, ping.0], [200, 404, 200]);
}

#[tokio::test]
async fn a_check_can_be_excluded() {
    let router = router();
    let paths = [
        "/readyz?exclude=relist-attempted",
        "/readyz?verbose&exclude=relist-attempted&exclude=nothing",
    ];
    let [short, (code, verbose)] = answers(&router, paths).await;
    assert_eq!(short, (200, "ok".to_owned()));
    assert_eq!(code, 200);
    for line in [
        "[+]relist-attempted excluded: ok\n",
        "warn: some health checks cannot be excluded",
    ] {
        assert!(verbose.contains(line), "{verbose}");
    }
}
