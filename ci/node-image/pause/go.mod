// The pause container.
module setpoint.dev/ci/node-image/pause

go 1.26.3
