//! The pods' network.

use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use serde_json::json;

use crate::namespace::{PERL, in_namespace};

/// Sends something to the pods' gateway, and prints whom it has found there.
const NEIGHBOURS: &str = r#"
use IO::Socket::INET;
IO::Socket::INET->new(PeerAddr => "10.244.0.1", PeerPort => 1, Timeout => 5);
open(my $table, "<", "/proc/net/arp") or die $!;
print <$table>;
"#;

pub(crate) fn the_gateways_mac_address_does_not_depend_on_the_pods_that_there_are() {
    in_namespace("network", async |namespace| {
        let perl = json!({"image": PERL, "args": ["-e", NEIGHBOURS]});
        namespace.script("asks", "", json!({}), perl).await;
        namespace.succeeded("asks").await;
        let pods = namespace.api::<Pod>();
        let table = pods.logs("asks", &LogParams::default()).await.unwrap();
        let gateway = table.lines().find(|line| line.starts_with("10.244.0.1 "));
        // A bridge without an address of its own takes the lowest of its pods' random ones.
        let mac = gateway.and_then(|line| line.split_whitespace().nth(3));
        assert_eq!(mac, Some("02:00:0a:f4:00:01"), "{table}");
    });
}
