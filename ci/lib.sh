# Sourced by the scripts in ci/: where the checkout is, how builds are made, and the minute ledger.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
target=${CARGO_TARGET_DIR:-$top/target}
# For programs that run in an empty root; they need an explicit --target, which keeps the flags from build scripts and proc macros. Packed
# relocations are half a MiB of an adapter.
static_rustflags='-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs'

# What is made once per machine.
cache=${SETPOINT_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/setpoint}
# Where programs are built for repositories of others; `setpoint` itself builds there too where nobody has (harness/src/programs).
others_build=$cache/build

# with_engine: a container engine, the kind command and a node image, for what follows; without_engine ends the engine if this started it.
engine_before=${DOCKER_HOST:-}
with_engine() {
    local settings
    settings=$(ci/kind-node)
    eval "$settings"
}
without_engine() { [ "${DOCKER_HOST:-}" = "$engine_before" ] || ci/kind-node stop; }
# install_missing PROGRAM:PACKAGE…: from Debian's packages what is missing; where that can't be done, says so and fails.
install_missing() {
    local pair missing=()
    for pair; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install ${missing[*]}" >&2
        return 1
    fi
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}
# tested_commit: the commit, and whether the checkout differs from it. Reports are no change of what is tested.
tested_commit() {
    local differs=
    git diff --quiet HEAD -- ':!ci/reports' || differs=-dirty
    echo "$(git rev-parse --short HEAD)$differs"
}
# day: the number of the day, for what takes turns.
day() { echo "$(($(date +%s) / 86400))"; }
# turn: the number of the night of a part of ci/nightly, which has every third.
turn() { echo "$(($(day) / 3))"; }
# ms: the time in milliseconds.
ms() { date +%s%3N; }
# Scenarios whose time is promised.
promised_scenarios() { grep --invert-match '^#' ci/promised-scenarios; }
# number WHAT MEASURED PROMISED: a row of the table of numbers.
number() { printf '| %-62s | %-17s | %-11s |\n' "$1" "$2" "$3"; }

ledger=()
# step NAME COMMAND…: runs the command, says what it is and keeps its minutes for the ledger.
step() {
    local name=$1 started=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    "$@" || { local code=$?; printf '=== %s: failed with %s after %ss\n' "$name" "$code" "$((SECONDS - started))"; print_ledger; exit "$code"; }
    ledger+=("$(printf '%-28s %4ds' "$name" "$((SECONDS - started))")")
}
print_ledger() {
    printf '\n=== ledger\n'
    if [ "${#ledger[@]}" -gt 0 ]; then printf '%s\n' "${ledger[@]}"; fi
    printf '%-28s %4ds\n' total "$SECONDS"
}
