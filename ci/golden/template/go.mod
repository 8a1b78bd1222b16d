// The generator of fixtures/golden/template.json: what text/template of Go gives for templates of rules.
module setpoint.dev/golden/template

go 1.26.0
