// Compares what two charts render of the same values, object by object and field by field.
//
//	compare [-all] DIFFERENCES FOLDER
//
// FOLDER has NAME.theirs.yaml and NAME.ours.yaml for each file of values. DIFFERENCES lists the differences that are intended, with reasons. A difference that
// isn't listed is a failure, and with -all a listed one that is found nowhere too. The report goes to standard output, as Markdown.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// intended is a difference that has a reason.
type intended struct {
	// Kind of the objects; * for any.
	Kind string `json:"kind"`
	// Field is a pattern of filepath.Match for the path of a field; empty for the object as a whole.
	Field string `json:"field"`
	// Reason is for users.
	Reason string `json:"reason"`

	found map[string]bool
	// example is "theirs → ours" of the first that was found.
	example string
}

func (d *intended) covers(object object, field string) bool {
	if d.Kind != "*" && d.Kind != object.kind {
		return false
	}
	matched, err := filepath.Match(d.Field, field)
	return err == nil && matched
}

func main() {
	all := flag.Bool("all", false, "each listed difference must be found")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: compare [-all] DIFFERENCES FOLDER")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *all); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(list, folder string, all bool) error {
	var known []*intended
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, &known); err != nil {
		return fmt.Errorf("read %s: %w", list, err)
	}
	for _, d := range known {
		d.found = map[string]bool{}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.theirs.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no rendered charts", folder)
	}
	var problems []string
	fmt.Println("| values | objects of theirs | of ours | fields that are equal | that differ as intended |")
	fmt.Println("|---|---|---|---|---|")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".theirs.yaml")
		found, err := compare(name, file, filepath.Join(folder, name+".ours.yaml"), known)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	fmt.Print("\n| kind | field | in how many of these | for example | why |\n|---|---|---|---|---|\n")
	for _, d := range known {
		if len(d.found) == 0 {
			if all {
				problems = append(problems, fmt.Sprintf("%s %s is listed, and found nowhere", d.Kind, d.Field))
			}
			continue
		}
		field := "the object"
		if d.Field != "" {
			// As Kubernetes writes it, not as a pattern.
			field = "`" + strings.NewReplacer("[[]", "[", "|", "/").Replace(d.Field) + "`"
		}
		fmt.Printf("| %s | %s | %d | %s | %s |\n", d.Kind, field, len(d.found), d.example, d.Reason)
	}
	if len(problems) > 0 {
		return fmt.Errorf("differences that %s doesn't list:\n  %s", list, strings.Join(problems, "\n  "))
	}
	return nil
}

// compare prints the row of one file of values, and returns the differences that aren't intended.
func compare(name, theirs, ours string, known []*intended) ([]string, error) {
	before, err := read(theirs)
	if err != nil {
		return nil, err
	}
	after, err := read(ours)
	if err != nil {
		return nil, err
	}
	var problems []string
	equal, differ := 0, 0
	note := func(object object, field, left, right string) {
		for _, d := range known {
			if d.covers(object, field) {
				differ++
				d.found[name] = true
				if d.example == "" {
					d.example = cell(left) + " → " + cell(right)
				}
				return
			}
		}
		problems = append(problems, fmt.Sprintf("%s: %s %s: %s: %s → %s", name, object.kind, object.name, field, left, right))
	}
	for _, object := range union(before, after) {
		left, right := before[object], after[object]
		if left == nil || right == nil {
			note(object, "", presence(left), presence(right))
			continue
		}
		for _, field := range union(left, right) {
			if left[field] == right[field] {
				equal++
			} else {
				note(object, field, left[field], right[field])
			}
		}
	}
	fmt.Printf("| %s | %d | %d | %d | %d |\n", name, len(before), len(after), equal, differ)
	return problems, nil
}

func presence(fields map[string]string) string {
	if fields == nil {
		return ""
	}
	return "there"
}

// cell is a value in a cell of a table.
func cell(text string) string {
	switch {
	case text == "":
		return "none"
	case len(text) > 60:
		return "…"
	}
	return "`" + strings.ReplaceAll(text, "|", "\\|") + "`"
}

// union is the keys of both maps in order.
func union[K comparable, V any](left, right map[K]V) []K {
	keys := map[K]bool{}
	for key := range left {
		keys[key] = true
	}
	for key := range right {
		keys[key] = true
	}
	var list []K
	for key := range keys {
		list = append(list, key)
	}
	sort.Slice(list, func(i, j int) bool { return fmt.Sprint(list[i]) < fmt.Sprint(list[j]) })
	return list
}
