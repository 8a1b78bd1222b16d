// Prints, as JSON, what k8s.io/apimachinery parses from a table of texts: one object a text, with the error or the
// canonical form, the format and the thousandths. Run by ci/golden/generate.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

type vector struct {
	Text      string `json:"text"`
	Error     string `json:"error,omitempty"`
	Printed   string `json:"printed,omitempty"`
	Canonical string `json:"canonical,omitempty"`
	Format    string `json:"format,omitempty"`
	Milli     *int64 `json:"milli,omitempty"`
	// How the number compares to the one before it in the table; absent after an error.
	Compared *int `json:"compared,omitempty"`
}

var suffixes = []string{"", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
	"e0", "e3", "E3", "e-3", "e+3", "e6", "e-9", "e-10", "e2", "e1", "e-2", "E-1", "e18", "e21", "e", "i", "ki", "K", "mm", "Em", "e1.5", "e+", "Eie", " "}

var numbers = []string{"0", "1", "-1", "+1", "10", "100", "1000", "1024", "1025", "2048", "1536", "-1024", "1.5", "0.5", "-0.5", ".5", "5.", ".",
	"00012", "1.500", "1.5000", "1023", "1048576", "999999999999999999", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
	"123456789012345678901234567890", "0.000000001", "0.0000000001", "-0.0000000001", "1.0000000001", "0.1234567891", "3.0000", "12.345678", "100000000000000000000"}

func main() {
	texts := []string{"", "-", "+", "--1", "1,5", "1 5", " 1", "1 ", "abc", "１", "0x10", "NaN", "Inf", "1..2", "1.2.3", "1e1e1",
		// Exponents beyond 32 bits are cut to 32, those beyond 64 refused.
		"1e4294967299", "1.5e4294967293", "7E4294967296", "1e99999999999999999999", "1e-99999999999999999999"}
	for _, number := range numbers {
		for _, suffix := range suffixes {
			texts = append(texts, number+suffix)
		}
	}
	random := rand.New(rand.NewSource(1))
	for range 1500 {
		var text strings.Builder
		text.WriteString([]string{"", "", "-", "+"}[random.Intn(4)])
		for range 1 + random.Intn(22) {
			text.WriteByte("0000123456789"[random.Intn(13)])
		}
		if random.Intn(2) == 0 {
			text.WriteByte('.')
			for range random.Intn(12) {
				text.WriteByte("0000123456789"[random.Intn(13)])
			}
		}
		text.WriteString(suffixes[random.Intn(len(suffixes))])
		texts = append(texts, text.String())
	}

	vectors := make([]string, 0, len(texts))
	var previous *resource.Quantity
	for _, text := range texts {
		row := vector{Text: text}
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			row.Error = err.Error()
		} else {
			row.Printed = quantity.String()
			row.Format = string(quantity.Format)
			number, suffix := quantity.CanonicalizeBytes(nil)
			row.Canonical = string(number) + string(suffix)
			// Of negative numbers apimachinery rounds short ones away from zero and long ones up, if they do not overflow on the way.
			if whole := quantity.AsApproximateFloat64(); whole >= 0 && whole < 9e15 {
				milli := quantity.MilliValue()
				row.Milli = &milli
			}
			if previous != nil {
				compared := quantity.Cmp(*previous)
				row.Compared = &compared
			}
			kept := quantity.DeepCopy()
			previous = &kept
		}
		line, err := json.Marshal(row)
		if err != nil {
			panic(err)
		}
		vectors = append(vectors, string(line))
	}
	fmt.Fprintln(os.Stdout, "[\n"+strings.Join(vectors, ",\n")+"\n]")
}
