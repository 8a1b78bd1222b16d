// The pause container.
module setpoint.dev/ci/kind-lab/pause

go 1.26.3
