/// This machine's architecture as Go, Kubernetes and image manifests name it: `amd64`, `arm64`.
#[must_use]
pub fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
