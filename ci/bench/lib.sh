# Sourced by the scripts of ci/bench: programs, a plane, a fast fake Prometheus with many series, and the adapters that are measured.
# SETPOINT and ADAPTER name programs that are built already.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
log() { printf '%s\n' "$*" >&2; }
triple=$(rustc -vV | sed -n 's/^host: //p')
setpoint=${SETPOINT:-$target/debug/setpoint}
adapter=${ADAPTER:-$target/$triple/release/setpoint-adapter}
work=$(mktemp -d)
export XDG_RUNTIME_DIR=$work
memory_group=''
clean() {
    # shellcheck disable=SC2046
    kill $(jobs -p) 2>/dev/null || true
    "$setpoint" cluster down --name bench >/dev/null 2>&1 || true
    [ -z "$memory_group" ] || rmdir "$memory_group" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT

log 'build'
[ -n "${SETPOINT:-}" ] || cargo build --locked --quiet --workspace --bins
[ -x "$target/release/examples/many_series" ] || cargo build --locked --quiet --release -p setpoint-adapter --example many_series
[ -n "${ADAPTER:-}" ] || RUSTFLAGS=$static_rustflags cargo build --locked --quiet --release --target "$triple" -p setpoint-adapter

# plane: a control plane, with the key pair of its administrator in $work/client-certificate.pem and $work/client-key.pem.
plane() {
    log 'plane'
    kubeconfig=$("$setpoint" cluster up --name bench --ttl 60m 2>/dev/null)
    local part
    for part in certificate-authority client-certificate client-key; do
        sed -n "s/^ *$part-data: //p" "$kubeconfig" | base64 --decode >"$work/$part.pem"
    done
}
# as_administrator PATH: asks the adapter that runs.
as_administrator() {
    curl --silent --show-error --fail --insecure --cert "$work/client-certificate.pem" --key "$work/client-key.pem" "https://$address$1"
}
# rules COUNT: a configuration with as many rules of the same series.
rules() {
    local rule
    echo 'rules:'
    for rule in $(seq "$1"); do
        echo "  - seriesQuery: '{namespace!=\"\",__name__=~\"^http_.*\"}'"
        echo '    resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}'
        echo "    name: {matches: ^(.*)_total\$, as: \"\${1}_$rule\"}"
        echo '    metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)'
    done
}
# A value that every adapter here serves.
value=/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/web-0/http_requests_0_1
# start_adapter NAME PROGRAM SERIES RULES [GROUP]: the adapter, in a memory cgroup if one is named, and its Prometheus; returns as soon as it
# serves a value. Sets pid, prometheus_pid, address and, in ms, first.
start_adapter() {
    local name=$1 program=$2 series=$3 count=$4 group=${5:-} port prometheus started
    port=$((20000 + RANDOM % 10000))
    address=127.0.0.1:$port
    rules "$count" >"$work/config.yaml"
    "$target/release/examples/many_series" "$series" >"$work/prometheus.log" &
    prometheus_pid=$!
    until prometheus=$(sed -n 's/^serving .* on //p' "$work/prometheus.log") && [ -n "$prometheus" ]; do sleep 0.05; done
    started=$(ms)
    (
        [ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
        exec "$program" --secure-port "$port" --bind-address 127.0.0.1 --config "$work/config.yaml" --prometheus-url "http://$prometheus" \
            --metrics-relist-interval "${RELIST:-30s}" --lister-kubeconfig "$kubeconfig" --authentication-kubeconfig "$kubeconfig" \
            --authorization-kubeconfig "$kubeconfig" --cert-dir "$work" 2>"$work/$name.log"
    ) &
    pid=$!
    until as_administrator "$value" >"$work/answer" 2>/dev/null; do
        kill -0 "$pid" || { cat "$work/$name.log" >&2; exit 1; }
        sleep 0.02
    done
    first=$(($(ms) - started))
}
stop_adapter() {
    kill "$pid" "$prometheus_pid" 2>/dev/null || true
    wait "$pid" "$prometheus_pid" 2>/dev/null || true
}
# cpu PID: the processor time that it has taken, in milliseconds.
cpu() { awk -v hertz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hertz}' "/proc/$1/stat"; }
# mib PID FIELD: one of the sizes in /proc/PID/status.
mib() { awk -v key="^$2:" '$0 ~ key {printf "%.1f", $2 / 1024}' "/proc/$1/status"; }
# row CELL…: a row of a table.
row() { printf '| %s ' "$@"; printf '|\n'; }
# head CELL…: the first row of a table.
head_row() {
    row "$@"
    printf '| --- %.0s' "$@"
    printf '|\n'
}
# limited_memory MIB: sets memory_group to a cgroup that grants as much to its processes.
limited_memory() {
    local bytes=$(($1 << 20))
    if [ -d /sys/fs/cgroup/memory ]; then
        memory_group=/sys/fs/cgroup/memory/setpoint-bench-$$
        mkdir "$memory_group"
        echo "$bytes" >"$memory_group/memory.limit_in_bytes"
    else
        memory_group=/sys/fs/cgroup/setpoint-bench-$$
        mkdir "$memory_group"
        echo "$bytes" >"$memory_group/memory.max"
    fi
}
# vegeta: the load generator that ci/bench/vegeta/go.mod pins.
build_vegeta() {
    vegeta=$target/bench/vegeta
    [ -x "$vegeta" ] || (mkdir -p "${vegeta%/*}" && cd ci/bench/vegeta && go build -o "$vegeta" "$(go list tool)")
}
# load RATE WORKERS SECONDS PATH: requests of the administrator; RATE 0 is as many as there can be. Prints requests a second, the part of them
# that had a 200, and the median, 99 % and longest latency in ms.
load() {
    printf 'GET https://%s%s\n' "$address" "$4" |
        "$vegeta" attack -rate "$1" -max-workers "$2" -workers "$2" -duration "$3s" -timeout 5s -insecure \
            -cert "$work/client-certificate.pem" -key "$work/client-key.pem" |
        "$vegeta" report -type json |
        python3 -c '
import json, sys
report = json.load(sys.stdin)
ms = lambda name: report["latencies"][name] / 1e6
print("%.0f %.4f %.2f %.2f %.2f" % (report["throughput"], report["success"], ms("50th"), ms("99th"), ms("max")))'
}
