//! What helps where a node doesn't come up, by what kind and the engine say.

/// Words of kind v0.33 and Docker, and what helps; Podman's are alike.
const CURES: [(&[&str], &str); 5] = [
    (
        &["already exist for a cluster with the name"],
        "a cluster of that name is there: end it by `kind delete cluster`, or give another name",
    ),
    (
        &[
            "failed to pull image",
            "No such image",
            "manifest unknown",
            "pull access denied",
        ],
        "the engine neither has the node image nor can get it: name one that it has (`docker images`) by --node-image or \
         SETPOINT_KIND_NODE_IMAGE, or let it reach the image's registry",
    ),
    (
        &["port is already allocated", "address already in use"],
        "another program has the port: end it, or leave the choice of the port to kind",
    ),
    (
        &["no space left on device"],
        "the engine's disk is full: `docker system df` says of what, `docker system prune` makes room",
    ),
    (
        &[
            "permission denied while trying to connect",
            "Got permission denied",
        ],
        "this user may not use the engine: let it into the group of the engine's socket, or let DOCKER_HOST name another",
    ),
];

/// What helps against a failure that is known by its words.
pub(super) fn cure(said: &str) -> Option<&'static str> {
    let known = |(words, _): &&(&[&str], &str)| words.iter().any(|words| said.contains(words));
    CURES.iter().find(known).map(|(_, cure)| *cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kind_and_docker_say_of_common_failures_has_a_cure() {
        for (said, helps) in [
            (
                r#"ERROR: failed to create cluster: node(s) already exist for a cluster with the name "a""#,
                "kind delete cluster",
            ),
            (
                r#"ERROR: failed to create cluster: failed to pull image "kindest/node:v9": command "docker pull kindest/node:v9" failed with error: exit status 1"#,
                "--node-image",
            ),
            (
                "docker: Error response from daemon: driver failed programming external connectivity on endpoint a (1f): Bind for 127.0.0.1:6443 failed: port is already allocated.",
                "another program has the port",
            ),
            (
                "failed to register layer: write /kind/bin: no space left on device",
                "docker system prune",
            ),
            (
                "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
                "group",
            ),
        ] {
            assert!(
                cure(said).is_some_and(|cure| cure.contains(helps)),
                "{said}"
            );
        }
        assert_eq!(cure("something else"), None);
    }
}
