// Command promql evaluates the queries of cases.json with the engine of the real Prometheus and writes what it answered.
// setpoint-replay's evaluator is tested against the answers.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

//go:embed cases.json
var caseFile []byte

type series struct {
	Series string `json:"series"`
	Values string `json:"values"`
}

type cases struct {
	Interval string   `json:"interval"`
	Series   []series `json:"series"`
	Times    []string `json:"times"`
	Queries  []string `json:"queries"`
}

type sample struct {
	Metric map[string]string `json:"metric"`
	Values [][2]string       `json:"values"`
}

type answer struct {
	Query     string   `json:"query"`
	At        string   `json:"at"`
	Type      string   `json:"type,omitempty"`
	Result    []sample `json:"result,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
}

type golden struct {
	Prometheus string   `json:"prometheus"`
	Interval   string   `json:"interval"`
	Series     []series `json:"series"`
	Answers    []answer `json:"answers"`
}

// reporter satisfies promqltest's interface for tests; a load that fails ends the program.
type reporter struct{}

func (reporter) Cleanup(func()) {}
func (reporter) Helper()        {}
func (reporter) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
func (r reporter) Error(args ...any)                 { r.Errorf("%s", fmt.Sprint(args...)) }
func (r reporter) Fatal(args ...any)                 { r.Errorf("%s", fmt.Sprint(args...)) }
func (r reporter) Fatalf(format string, args ...any) { r.Errorf(format, args...) }
func (r reporter) FailNow()                          { os.Exit(1) }
func (r reporter) Log(args ...any)                   { fmt.Fprintln(os.Stderr, args...) }
func (r reporter) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// number is web/api/v1's jsonutil.MarshalFloat.
func number(f float64) string {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.FormatFloat(f, format, -1, 64)
}

func stamp(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) }

func evaluate(engine *promql.Engine, storage *storageOf, query, at string) answer {
	out := answer{Query: query, At: at}
	seconds, err := strconv.ParseFloat(at, 64)
	if err != nil {
		panic(err)
	}
	q, err := engine.NewInstantQuery(context.Background(), storage, nil, query, time.UnixMilli(int64(math.Round(seconds*1000))))
	if err != nil {
		out.ErrorType, out.Error = "bad_data", err.Error()
		return out
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		out.ErrorType, out.Error = "execution", result.Err.Error()
		var parse parser.ParseErrors
		if errors.As(result.Err, &parse) {
			out.ErrorType = "bad_data"
		}
		return out
	}
	out.Type = string(result.Value.Type())
	switch v := result.Value.(type) {
	case promql.Scalar:
		out.Result = []sample{{Metric: map[string]string{}, Values: [][2]string{{stamp(v.T), number(v.V)}}}}
	case promql.Vector:
		for _, s := range v {
			out.Result = append(out.Result, sample{Metric: s.Metric.Map(), Values: [][2]string{{stamp(s.T), number(s.F)}}})
		}
	case promql.Matrix:
		for _, s := range v {
			one := sample{Metric: s.Metric.Map()}
			for _, p := range s.Floats {
				one.Values = append(one.Values, [2]string{stamp(p.T), number(p.F)})
			}
			out.Result = append(out.Result, one)
		}
	}
	sort.Slice(out.Result, func(a, b int) bool {
		x, _ := json.Marshal(out.Result[a].Metric)
		y, _ := json.Marshal(out.Result[b].Metric)
		return string(x) < string(y)
	})
	return out
}

func main() {
	var in cases
	if err := json.Unmarshal(caseFile, &in); err != nil {
		panic(err)
	}
	var load strings.Builder
	fmt.Fprintf(&load, "load %s\n", in.Interval)
	for _, s := range in.Series {
		fmt.Fprintf(&load, "  %s %s\n", s.Series, s.Values)
	}
	storage := promqltest.LoadedStorage(reporter{}, load.String())
	defer storage.Close()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, EnableNegativeOffset: true, EnableAtModifier: true})
	out := golden{Prometheus: version(), Interval: in.Interval, Series: in.Series}
	for _, query := range in.Queries {
		for _, at := range in.Times {
			out.Answers = append(out.Answers, evaluate(engine, storage, query, at))
		}
	}
	if err := write(out); err != nil {
		panic(err)
	}
}

// write puts each series and each answer on a line of its own, so that differences can be read.
func write(out golden) error {
	var text bytes.Buffer
	line := func(prefix string, value any, suffix string) error {
		encoded, err := json.Marshal(value)
		fmt.Fprintf(&text, "%s%s%s\n", prefix, encoded, suffix)
		return err
	}
	fmt.Fprintf(&text, "{\n \"prometheus\": %q,\n \"interval\": %q,\n \"series\": [\n", out.Prometheus, out.Interval)
	for i, one := range out.Series {
		if err := line("  ", one, comma(i, len(out.Series))); err != nil {
			return err
		}
	}
	text.WriteString(" ],\n \"answers\": [\n")
	for i, one := range out.Answers {
		if err := line("  ", one, comma(i, len(out.Answers))); err != nil {
			return err
		}
	}
	text.WriteString(" ]\n}\n")
	_, err := os.Stdout.Write(text.Bytes())
	return err
}

func comma(i, length int) string {
	if i == length-1 {
		return ""
	}
	return ","
}
