// Command regexp matches texts with Go's regexp and expands templates with what was captured, as prometheus-adapter does with
// seriesFilters and name of its rules. setpoint-rules is tested against the answers.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

type answer struct {
	Pattern  string  `json:"pattern"`
	Text     string  `json:"text"`
	Template string  `json:"template"`
	Expanded *string `json:"expanded,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// Texts that each pattern is tried on.
var texts = []string{
	"http_requests_total", "w:calls:rate1m", "a.b-c", "é", "٣", "x y\tz\v", "{word}", "a{b}", "a{1}", "aa", "[x]", "a&b", "a-b~c", "<a>", "A", "a",
	"\\d", "a+b", "-", "]", "^", "$1",
}

var patterns = []string{
	"", ".*", "^(.*)_total$", "^http_(.*)_(total|sum)$", "^w:([^:]*):([^:]*)$", "total", "^total", "(?P<name>.*)_total", "(?<name>.*)_total",
	`^\w+$`, `^\d$`, `^\D$`, `\s`, `^\S+$`, `^\W$`, `[\d]`, `[^\d]`, `[\w.-]+`, `[\D]`, `\bb\b`, `\b`, `é\b`, `x\sy`, `[\s]`, `z\s`,
	`\Qa.b\E-c`, `\Qa+b`, `\Q{word}\E`, `\141`, `\0`, `\1`, `\18`, `\12`, `[\141]`, `\x41`, `\x{41}`, `\<a\>`, `a\{b\}`,
	"{word}", "a{b}", "a{1}", "a{2}", "a{1,2}", "a{,2}", "a{1,}", "{", "}", "a{1,x}", "a{", "^{",
	"[[]x", "[[x]", "[]]", "[^]]", "[a&&b]", "[&]", "[a-c&&b-d]", "[a~~b]", "[--b]", "[a--]", "[+--]x", "[\\w-a]", "[!-+]", "[,-.]", "[a-]", "[-a]", "[+--]", "[[:alpha:]]+", "[[:^alpha:]]", "[^[:alpha:]]", "[[:word:]]+",
	"[", "(", "a)", "*", "a**", "(?x)a b", "a{1001}", `\`, `\y`, `(?i)a`, "(?i)[a-z]+_T", "(?s).", "(?m)^$", "(?U)a+", "(?i:A)", `\pL`, `\p{Greek}`, `\PL`, `\p{L}+`, `\x{1F600}`, `[\p{L}\x{e9}]+`, `\A.`, `.\z`, `.\Z`,
	"a++", "a*+", "a?*", "a{2}{3}", "a{2}*", "a*{2}", "a*?", "a+?", "a??", "a{1}?", "a*?*", "a???", "(?:a*)*", "(?:a{2}){3}", "a|*", "^*", "$*", `\b+`, "(|a)*", "(?i)*", "a*(?i)*",
	"(?:a{500}){2}", "(?:a{500}){3}", "(a{1000}){1}", "(?:a{2,}){600}", "a{1000}", "a{0,1001}", "a{2,1}", "a{0}", "a{00001}", "a{1000000000000}",
	"(?u)a", "(?-s).", "(?i-s:A)", "(?ii)a", "(?--i)a", "(?-)a", "(?)a", "(?:)a", "(?i", "(?", "(?R)a", "(?x:a)", "(?-x)a", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?#a)", "(?P=x)",
	"(?P<1a>x)", "(?P<a-b>x)", "(?P<>x)", "(?<é>x)", "(?P<x", "(?P<a.b>x)", "(?P<a[0]>x)", `\u0041`, `\U00000041`, `\x{110000}`, `\x4`, `\é`, `\G`, `\C`, `\a`, `\h`, `\e`, `\1`, `[\b]`, `[\Q]\E]`,
	`\pN`, `\p{^Greek}`, `\P{^Greek}`, `\p{greek}`, `\p{Script=Greek}`, `\p{sc=Greek}`, `\p{Alphabetic}`, `\p{Letter}`, `\p{Any}`, `\p{ASCII}`, `\p{Lu}`, `\p{}`, `\p`, `\pé`, `[[:foo:]]`, `[[:^foo:]]`, "[z-a]", `[a-\d]`, `[\d-z]`, "[a--b]", "[[:alpha:]-z]",
	"(a)|(b)", "((.)(.))", "(?:a)(b)?", "a|", `\.`, `\-`, `\_`, `[\-]`, `[\]]`, `[\[]`, `[$^]`, `(?P<x>a)(?P<x>b)`, "$", "^",
}

// Templates, for one pattern and one text.
var expanded = []string{
	"$1", "${1}", "$1x", "${1}x", "$2_$1", "${2}_${1}", "$name", "${name}", "$$1", "$$", "$", "a$", "$-", "${", "${1", "${}", "${1 }", "$3", "$01", "${01}", "$00", "$é", "${é}x", "$1_per_second",
	"${1}_per_second", "$name1", "${name}1", "x", "", "$0$0", "$99999999999", "$_", "$1$2", "$${1}", "{$1}",
}

func try(pattern, text, template string) answer {
	given := answer{Pattern: pattern, Text: text, Template: template}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		given.Error = err.Error()
		return given
	}
	if found := compiled.FindStringSubmatchIndex(text); found != nil {
		out := string(compiled.ExpandString(nil, template, text, found))
		given.Expanded = &out
	}
	return given
}

func main() {
	var answers []answer
	for _, pattern := range patterns {
		for _, text := range texts {
			given := try(pattern, text, "$0")
			answers = append(answers, given)
			if given.Error != "" {
				break
			}
		}
	}
	for _, template := range expanded {
		answers = append(answers, try("^(?P<name>[a-z]+)_(.*)$", "http_total", template))
	}
	fmt.Println("[")
	for i, given := range answers {
		line, err := json.Marshal(given)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		comma := ","
		if i == len(answers)-1 {
			comma = ""
		}
		fmt.Printf("%s%s\n", line, comma)
	}
	fmt.Println("]")
}
