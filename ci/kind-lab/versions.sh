# Sourced by the scripts here: what a node image is made of, as the go.mod files say.
# version FOLDER MODULE: the version that FOLDER/go.mod requires.
version() { (cd "$1" && go list -m -f '{{.Version}}' "$2"); }
kubernetes_version=$(version ci/kind-lab/kubernetes k8s.io/kubernetes)
kubernetes_minor=$(cut -d. -f2 <<<"$kubernetes_version")
# The release's own folder: a node and its control plane are of one version.
control_plane=harness/cluster/controlplane/1.$kubernetes_minor
[ -d "$control_plane" ] || { echo "ci/kind-lab/kubernetes/go.mod requires Kubernetes $kubernetes_version, and there is no $control_plane" >&2; exit 1; }
etcd_version=$(version "$control_plane/etcd" go.etcd.io/etcd/server/v3)
containerd_version=$(version ci/kind-lab/containerd github.com/containerd/containerd/v2)
cri_tools_version=$(version ci/kind-lab/cri-tools sigs.k8s.io/cri-tools)
coredns_version=$(version ci/kind-lab/coredns github.com/coredns/coredns)
control_plane_version=$(version "$control_plane/kubernetes" k8s.io/kubernetes)
if [ "$kubernetes_version" != "$control_plane_version" ]; then
    echo "ci/kind-lab/kubernetes/go.mod requires Kubernetes $kubernetes_version, $control_plane/kubernetes/go.mod $control_plane_version" >&2
    exit 1
fi
