// Prints, as JSON, how k8s.io/metrics writes lists of metric values: an object from a case's name to the
// document, as text, because the order of its fields is part of what is on the wire. Run by ci/golden/generate.
package main

import (
	"encoding/json"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	custom1 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta1"
	custom2 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	external "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	usage "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

var (
	pod       = corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: "sample-metrics-app-0", APIVersion: "/v1"}
	namespace = corev1.ObjectReference{Kind: "Namespace", Name: "default", APIVersion: "/v1"}
	// Not a whole second, not in UTC: Kubernetes writes neither.
	at       = metav1.NewTime(time.Date(2026, 3, 1, 13, 4, 5, 999_999_999, time.FixedZone("", 3600)))
	before   = metav1.NewTime(time.Date(1969, 12, 31, 23, 59, 58, 500_000_000, time.UTC))
	window   = int64(120)
	rate     = *resource.NewMilliQuantity(2500, resource.DecimalSI)
	whole    = *resource.NewMilliQuantity(3_000_000, resource.DecimalSI)
	selector = &metav1.LabelSelector{
		MatchLabels: map[string]string{"verb": "GET", "code": "200"},
		MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "path", Operator: metav1.LabelSelectorOpIn, Values: []string{"/", "/a"}},
			{Key: "host", Operator: metav1.LabelSelectorOpExists},
		},
	}
)

func kind(name, version string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: name, APIVersion: version}
}

var minutes = metav1.Duration{Duration: 5 * time.Minute}

// As prometheus-adapter makes quantities of thousandths of cores and of bytes.
func taken(cpu, memory int64) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewMilliQuantity(cpu, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewMilliQuantity(memory, resource.BinarySI),
	}
}

// The columns are those of sigs.k8s.io/metrics-server/pkg/api/table.go.
func table(meta metav1.ObjectMeta) metav1.Table {
	memory := resource.NewMilliQuantity(1_048_576_500+104_857_600_000, resource.BinarySI)
	object := metav1.PartialObjectMetadata{TypeMeta: kind("PartialObjectMetadata", "meta.k8s.io/v1"), ObjectMeta: meta}
	return metav1.Table{
		TypeMeta: kind("Table", "meta.k8s.io/v1"),
		ColumnDefinitions: []metav1.TableColumnDefinition{
			{Name: "Name", Type: "string", Format: "name", Description: "Name of the resource"},
			{Name: "cpu", Type: "string", Format: "quantity"},
			{Name: "memory", Type: "string", Format: "quantity"},
			{Name: "Window", Type: "string", Format: "duration"},
		},
		Rows: []metav1.TableRow{{Cells: []any{"web-1", "2500m", memory.String(), "5m0s"}, Object: runtime.RawExtension{Object: &object}}},
	}
}

func main() {
	v1 := kind("MetricValueList", "custom.metrics.k8s.io/v1beta1")
	v2 := kind("MetricValueList", "custom.metrics.k8s.io/v1beta2")
	ext := kind("ExternalMetricValueList", "external.metrics.k8s.io/v1beta1")
	documents := map[string]any{
		"v1beta1 full": custom1.MetricValueList{TypeMeta: v1, Items: []custom1.MetricValue{
			{DescribedObject: pod, MetricName: "http_requests", Timestamp: at, WindowSeconds: &window, Value: rate, Selector: selector},
			{DescribedObject: namespace, MetricName: "http_requests", Timestamp: before, Value: whole},
		}},
		"v1beta1 none": custom1.MetricValueList{TypeMeta: v1, Items: []custom1.MetricValue{}},
		"v1beta1 empty selector": custom1.MetricValueList{TypeMeta: v1, Items: []custom1.MetricValue{
			{DescribedObject: pod, MetricName: "m", Timestamp: at, Selector: &metav1.LabelSelector{}},
		}},
		"v1beta2 full": custom2.MetricValueList{TypeMeta: v2, Items: []custom2.MetricValue{
			{DescribedObject: pod, Metric: custom2.MetricIdentifier{Name: "http_requests", Selector: selector}, Timestamp: at, WindowSeconds: &window, Value: rate},
			{DescribedObject: namespace, Metric: custom2.MetricIdentifier{Name: "http_requests"}, Timestamp: before, Value: whole},
		}},
		"v1beta2 none":      custom2.MetricValueList{TypeMeta: v2, Items: []custom2.MetricValue{}},
		"v1beta2 continued": custom2.MetricValueList{TypeMeta: v2, ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "next"}, Items: []custom2.MetricValue{}},
		"external full": external.ExternalMetricValueList{TypeMeta: ext, Items: []external.ExternalMetricValue{
			{MetricName: "queue_depth", MetricLabels: map[string]string{"topic": "a", "queue": "b"}, Timestamp: at, WindowSeconds: &window, Value: rate},
			{MetricName: "queue_depth", MetricLabels: map[string]string{}, Timestamp: at, Value: whole},
		}},
		"external none": external.ExternalMetricValueList{TypeMeta: ext, Items: []external.ExternalMetricValue{}},
		// What Go writes of values that nobody set; a reader has to take it.
		"nulls v1beta1":  custom1.MetricValueList{TypeMeta: v1},
		"nulls v1beta2":  custom2.MetricValueList{TypeMeta: v2, Items: []custom2.MetricValue{{}}},
		"nulls external": external.ExternalMetricValueList{TypeMeta: ext, Items: []external.ExternalMetricValue{{}}},
	}
	pod := usage.PodMetrics{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "default", CreationTimestamp: at, Labels: map[string]string{"app": "web"}},
		Timestamp:  at, Window: minutes,
		Containers: []usage.ContainerMetrics{{Name: "proxy", Usage: taken(0, 1_048_576_500)}, {Name: "web", Usage: taken(2_500, 104_857_600_000)}},
	}
	documents["pods full"] = usage.PodMetricsList{TypeMeta: kind("PodMetricsList", "metrics.k8s.io/v1beta1"), Items: []usage.PodMetrics{pod}}
	documents["pods none"] = usage.PodMetricsList{TypeMeta: kind("PodMetricsList", "metrics.k8s.io/v1beta1"), Items: []usage.PodMetrics{}}
	documents["nodes full"] = usage.NodeMetricsList{TypeMeta: kind("NodeMetricsList", "metrics.k8s.io/v1beta1"), Items: []usage.NodeMetrics{{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", CreationTimestamp: at}, Timestamp: at, Window: minutes, Usage: taken(2_500, 104_857_600_000),
	}}}
	documents["pods table"] = table(pod.ObjectMeta)
	pod.TypeMeta = kind("PodMetrics", "metrics.k8s.io/v1beta1")
	documents["pod"] = pod
	texts := map[string]string{}
	for name, document := range documents {
		text, err := json.Marshal(document)
		if err != nil {
			panic(err)
		}
		texts[name] = string(text)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(texts); err != nil {
		panic(err)
	}
}
