// Command template executes the templates of cases.txt with Go's text/template, for data of the type that prometheus-adapter
// v0.12.0 gives them (pkg/naming/metrics_query.go), and writes what it answered. setpoint-rules is tested against the answers.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/template"
)

//go:embed cases.txt
var cases string

type queryTemplateArgs struct {
	Series            string
	LabelMatchers     string
	LabelValuesByName map[string]string
	GroupBy           string
	GroupBySlice      []string
}

type answer struct {
	Template string `json:"template"`
	// What it gave for each of the data; none where it can't be parsed.
	Texts []*string `json:"texts,omitempty"`
	// Why it can't be parsed, or the first error of executing it. For readers only.
	Error string `json:"error,omitempty"`
}

type golden struct {
	Go      string              `json:"go"`
	Data    []queryTemplateArgs `json:"data"`
	Answers []answer            `json:"answers"`
}

var data = []queryTemplateArgs{
	{
		Series:        "http_requests_total",
		LabelMatchers: `verb="GET",namespace="shop",pod=~"web-1|web-2"`,
		LabelValuesByName: map[string]string{
			"verb": "GET", "namespace": "shop", "pod": "web-1|web-2", "code": "",
		},
		GroupBy:      "pod,container",
		GroupBySlice: []string{"pod", "container"},
	},
	// As for an external metric without namespace.
	{
		Series:            "queue_length",
		LabelValuesByName: map[string]string{},
		GroupBySlice:      []string{},
	},
}

func execute(text string) answer {
	given := answer{Template: text}
	parsed, err := template.New("metrics-query").Delims("<<", ">>").Parse(text)
	if err != nil {
		given.Error = err.Error()
		return given
	}
	for _, data := range data {
		var out bytes.Buffer
		if err := parsed.Execute(&out, data); err != nil {
			given.Texts = append(given.Texts, nil)
			if given.Error == "" {
				given.Error = err.Error()
			}
			continue
		}
		text := out.String()
		given.Texts = append(given.Texts, &text)
	}
	return given
}

func main() {
	result := golden{Go: runtime.Version(), Data: data}
	for _, line := range strings.Split(cases, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		text := strings.NewReplacer("␤", "\n", "␉", "\t").Replace(line)
		result.Answers = append(result.Answers, execute(text))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
