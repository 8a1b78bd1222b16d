# Sourced by the scripts that build Prometheus, after ../lib.sh.
# folder_of VERSION: where a release's programs are.
folder_of() { echo "$cache/prometheus-v$1-linux-amd64"; }
# go_build VERSION PACKAGE OUTPUT: a static program; of the service discoveries it has only Kubernetes' besides those that are always there, which spares
# minutes.
go_build() {
    CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -mod=readonly -trimpath -tags netgo,remove_all_sd,enable_kubernetes_sd \
        -ldflags "-s -w -X github.com/prometheus/common/version.Version=$1" -o "$3" "$2"
}
