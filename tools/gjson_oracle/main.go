// The GJSON that Katib uses, as a filter: tests compare Trialmill's own implementation with it.
//
// Each line of standard input is {"tree": any JSON, "path": "text"}; each line of output is
// {"exists": bool, "value": any JSON}, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/tidwall/gjson"
)

type question struct {
	Tree json.RawMessage `json:"tree"`
	Path string          `json:"path"`
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
		fmt.Fprintln(out, answer(q))
		out.Flush()
	}
}

// answer describes a result. A result that is no valid JSON (a literal in the path may be anything) is told as such.
func answer(q question) string {
	result := gjson.Get(string(q.Tree), q.Path)
	if !result.Exists() {
		return `{"exists":false}`
	}
	value := result.Raw
	if value == "" {
		encoded, _ := json.Marshal(result.Value())
		value = string(encoded)
	}
	if !json.Valid([]byte(value)) {
		return `{"exists":true,"invalid":true}`
	}
	return fmt.Sprintf(`{"exists":true,"value":%s}`, compact(value))
}

// compact keeps one answer on one line.
func compact(value string) string {
	return gjson.Get(value, "@ugly").Raw
}
