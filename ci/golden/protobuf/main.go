// Writes each document of cases.json as the protobuf message that a server of Kubernetes answers with.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	custom1 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta1"
	custom2 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	external "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// golden is a document, and the message in base64.
type golden struct {
	Document json.RawMessage `json:"document"`
	Message  []byte          `json:"message"`
}

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		custom1.AddToScheme, custom2.AddToScheme, external.AddToScheme, metrics.AddToScheme,
	} {
		check(add(scheme))
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
	encoder := protobuf.NewSerializer(scheme, scheme)
	text, err := os.ReadFile("cases.json")
	check(err)
	var documents []json.RawMessage
	check(json.Unmarshal(text, &documents))
	var written []golden
	for _, document := range documents {
		object, _, err := decoder.Decode(document, nil, nil)
		check(err)
		var message bytes.Buffer
		check(encoder.Encode(object, &message))
		written = append(written, golden{document, message.Bytes()})
	}
	writer := json.NewEncoder(os.Stdout)
	writer.SetIndent("", "  ")
	check(writer.Encode(written))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
