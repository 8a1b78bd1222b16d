# Sourced by the scripts of ci/chart, after ci/lib.sh.
chart=adapter/deploy/chart
# helm ARGUMENT…: helm at the version that go.mod pins; Go keeps the program.
helm() {
    helm_program=${helm_program:-$(cd ci/chart && go tool -n helm)}
    "$helm_program" "$@"
}
# template CHART VALUES NAMESPACE [ARGUMENT…]: what the chart renders as release `prometheus-adapter`.
template() {
    helm template prometheus-adapter "$1" --values "$2" --namespace "$3" --api-versions apiregistration.k8s.io/v1 "${@:4}"
}
# compare CHART FOLDER [ARGUMENT…] -- VALUES…: compares what CHART renders of each file of values with what ours does, by the names of CHART. The rendered files go to FOLDER.
compare() {
    local theirs=$1 folder=$2 arguments=() values name
    shift 2
    while [ "$1" != -- ]; do arguments+=("$1"); shift; done
    shift
    for values; do
        name=$(basename "$values" .yaml)
        template "$theirs" "$values" monitoring >"$folder/$name.theirs.yaml"
        template "$chart" <(echo 'nameOverride: prometheus-adapter') monitoring --values "$values" >"$folder/$name.ours.yaml"
    done
    (cd ci/chart && go run ./compare "${arguments[@]}" differences.yaml "$folder")
}
