package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// object names an object of Kubernetes.
type object struct{ kind, namespace, name string }

var separator = regexp.MustCompile(`(?m)^---.*$`)

// read gives the fields of each object in a stream of YAML: a path and a scalar in JSON. What is empty is as if it weren't there.
func read(path string) (map[object]map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	objects := map[object]map[string]string{}
	for _, document := range separator.Split(string(text), -1) {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if content == nil {
			continue
		}
		metadata, _ := content["metadata"].(map[string]any)
		text := func(value any) string { text, _ := value.(string); return text }
		name := object{text(content["kind"]), text(metadata["namespace"]), text(metadata["name"])}
		if objects[name] != nil {
			return nil, fmt.Errorf("%s has %v twice", path, name)
		}
		if err := parseConfig(content); err != nil {
			return nil, fmt.Errorf("read %s: %v: %w", path, name, err)
		}
		fields := map[string]string{}
		flatten(fields, "", content)
		objects[name] = fields
	}
	return objects, nil
}

// parseConfig puts the adapter's configuration in the place of its text.
func parseConfig(content map[string]any) error {
	data, _ := content["data"].(map[string]any)
	text, ok := data["config.yaml"].(string)
	if !ok {
		return nil
	}
	var parsed any
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		return err
	}
	data["config.yaml"] = parsed
	return nil
}

func flatten(fields map[string]string, path string, value any) {
	switch value := value.(type) {
	case nil:
	case map[string]any:
		for key, inner := range value {
			// Their dots would look like further fields.
			flatten(fields, join(path, strings.ReplaceAll(key, "/", "|")), inner)
		}
	case []any:
		for index, inner := range value {
			flatten(fields, path+"["+position(path, index, inner)+"]", inner)
		}
	case string:
		if strings.HasSuffix(path, ".mountPath") {
			value = strings.TrimSuffix(value, "/")
		}
		if value != "" {
			fields[path] = value
		}
	default:
		text, err := json.Marshal(value)
		if err != nil {
			text = []byte(fmt.Sprint(value))
		}
		fields[path] = string(text)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// position says which element of a list it is, by what Kubernetes tells its elements apart by.
func position(path string, index int, element any) string {
	if text, ok := element.(string); ok && strings.HasSuffix(path, ".args") {
		flag, _, _ := strings.Cut(text, "=")
		return strings.ReplaceAll(flag, "/", "|")
	}
	if text, ok := element.(string); ok && (strings.HasSuffix(path, ".verbs") || strings.HasSuffix(path, ".resources")) {
		return strings.ReplaceAll(text, "/", "|")
	}
	fields, ok := element.(map[string]any)
	if !ok {
		return fmt.Sprint(index)
	}
	for _, key := range []string{"mountPath", "name"} {
		name, ok := fields[key].(string)
		// The adapter's container has another name.
		if ok && !(index == 0 && strings.HasSuffix(path, ".containers")) {
			return strings.ReplaceAll(strings.TrimSuffix(name, "/"), "/", "|")
		}
	}
	return fmt.Sprint(index)
}
