// Asks a server at the given URL all that Go's client of Prometheus asks for series, around the given time (seconds since 1970), and prints what it
// understands of the answers: a server that answers as Prometheus does lets it print the same.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client URL SECONDS")
		os.Exit(2)
	}
	seconds, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	client, err := api.NewClient(api.Config{Address: os.Args[1]})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	at := time.Unix(seconds, 0)
	ask(v1.NewAPI(client), at)
}

func ask(prometheus v1.API, at time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start, end := at.Add(-time.Hour), at.Add(time.Hour)
	all := []string{`{__name__=~".+"}`}

	queries := []string{"requests_total", "sum by (pod) (rate(requests_total[5m]))", "requests_total[2m]", "1 / 0", `"text"`,
		"absent_one", "quantile(2, temperature)", "rate(temperature[5m])", "sum(", "requests_total + on () temperature"}
	for _, query := range queries {
		value, warnings, infos, err := prometheus.Query(ctx, query, at)
		show("query "+query, value, warnings, infos, err)
	}
	value, warnings, infos, err := prometheus.Query(ctx, "requests_total", at, v1.WithLimit(1), v1.WithTimeout(10*time.Second),
		v1.WithLookbackDelta(time.Minute))
	show("query with options", value, warnings, infos, err)
	for _, query := range queries {
		steps := v1.Range{Start: at.Add(-5 * time.Minute), End: at, Step: 30 * time.Second}
		value, warnings, infos, err := prometheus.QueryRange(ctx, query, steps)
		show("query_range "+query, value, warnings, infos, err)
	}
	value, warnings, infos, err = prometheus.QueryRange(ctx, "requests_total", v1.Range{Start: at, End: start, Step: time.Second})
	show("query_range backwards", value, warnings, infos, err)

	series, warnings, infos, err := prometheus.Series(ctx, all, start, end)
	show("series", len(series), warnings, infos, err)
	for _, matches := range [][]string{{"requests_total"}, {"temperature", `{pod="web-1"}`}, {"{"}, {}} {
		series, warnings, infos, err := prometheus.Series(ctx, matches, start, end)
		show(fmt.Sprint("series ", matches), len(series), warnings, infos, err)
	}
	for _, matches := range [][]string{nil, {"requests_total"}, {"temperature", `{pod="web-1"}`}, {"{"}} {
		names, warnings, infos, err := prometheus.LabelNames(ctx, matches, start, end)
		show(fmt.Sprint("labels ", matches), names, warnings, infos, err)
		for _, label := range []string{"__name__", "pod", "none", "a.b"} {
			values, warnings, infos, err := prometheus.LabelValues(ctx, label, matches, start, end)
			show(fmt.Sprint("values ", label, matches), values, warnings, infos, err)
		}
	}
	names, warnings, infos, err := prometheus.LabelNames(ctx, nil, start, end, v1.WithLimit(1))
	show("labels with a limit", names, warnings, infos, err)
	values, warnings, infos, err := prometheus.LabelValues(ctx, "pod", nil, start, end, v1.WithLimit(1))
	show("values with a limit", values, warnings, infos, err)

	metadata, err := prometheus.Metadata(ctx, "", "")
	show("metadata", metadata, nil, nil, err)
	metadata, err = prometheus.Metadata(ctx, "requests_total", "1")
	show("metadata of a metric", metadata, nil, nil, err)
	metadata, err = prometheus.Metadata(ctx, "", "many")
	show("metadata with a wrong limit", metadata, nil, nil, err)
	build, err := prometheus.Buildinfo(ctx)
	show("buildinfo", build.Version != "", nil, nil, err)
	exemplars, err := prometheus.QueryExemplars(ctx, "requests_total", start, end)
	show("exemplars", exemplars, nil, nil, err)
	rules, err := prometheus.Rules(ctx, nil)
	show("rules", rules, nil, nil, err)
	alerts, err := prometheus.Alerts(ctx)
	show("alerts", alerts, nil, nil, err)
	managers, err := prometheus.AlertManagers(ctx)
	show("alertmanagers", managers, nil, nil, err)
	targets, err := prometheus.Targets(ctx)
	show("targets", targets, nil, nil, err)
}

func show(what string, answer any, warnings v1.Warnings, infos v1.Infos, err error) {
	fmt.Printf("%s\n  %v\n  warnings %q, infos %q\n", what, answer, warnings, infos)
	if refused := (*v1.Error)(nil); errors.As(err, &refused) {
		fmt.Printf("  %s: %s\n", refused.Type, refused.Msg)
	} else if err != nil {
		fmt.Printf("  %v\n", err)
	}
}
