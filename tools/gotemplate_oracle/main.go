// Go's text/template as a filter: tests compare Trialmill's own implementation with it.
//
// Each line of standard input is {"template": "text", "trial": "...", "nameSpace": "...", "experiment": "...",
// "hyperParameters": [{"name": "...", "value": "..."}]}; each line of output is {"text": "..."} or {"error": "..."}, in
// the same order. The data have the shape that Katib v1alpha3 gave to trial templates.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
)

type parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type question struct {
	Template        string       `json:"template"`
	Trial           string       `json:"trial"`
	NameSpace       string       `json:"nameSpace"`
	Experiment      string       `json:"experiment"`
	HyperParameters []*parameter `json:"hyperParameters"`
}

type data struct {
	Trial           string
	NameSpace       string
	Experiment      string
	HyperParameters []*parameter
}

type answer struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		line, _ := json.Marshal(answered(q))
		fmt.Fprintln(out, string(line))
		out.Flush()
	}
}

func answered(q question) answer {
	parsed, err := template.New("Trial").Parse(q.Template)
	if err != nil {
		return answer{Error: err.Error()}
	}
	var text strings.Builder
	if err := parsed.Execute(&text, data{q.Trial, q.NameSpace, q.Experiment, q.HyperParameters}); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Text: text.String()}
}
