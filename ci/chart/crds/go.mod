// Whose custom resource definitions ci/chart/strict applies. Nothing is built of these modules, so that what they depend on isn't here.
module setpoint.dev/ci/chart/crds

go 1.26.8

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
