// Command testsum reads the stream of `go test -json` and prints what a person wants of
// it: the output of failed tests, every skip with its reason, and one line of counts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

func main() {
	passed, failed, skipped := 0, 0, 0
	output := map[string][]string{} // of running tests and packages
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Print(string(line))
			} else {
				key := e.Package + e.ImportPath + " " + e.Test
				switch e.Action {
				case "output", "build-output":
					output[key] = append(output[key], e.Output)
				case "fail", "build-fail":
					fmt.Printf("FAIL %s\n%s", key, strings.Join(output[key], ""))
					if e.Test != "" {
						failed++
					}
					delete(output, key)
				case "skip":
					if e.Test != "" {
						skipped++
						fmt.Printf("SKIP %s\n%s", key, strings.Join(output[key], ""))
					}
					delete(output, key)
				case "pass":
					if e.Test != "" {
						passed++
					}
					delete(output, key)
				}
			}
		}
		if err != nil {
			break
		}
	}
	fmt.Printf("DONE %d tests passed, %d failed, %d skipped\n", passed, failed, skipped)
}
