// The generator of fixtures/golden/regexp.json: what regexp of Go matches and expands.
module setpoint.dev/golden/regexp

go 1.26.0
