// Command jsonany decodes a JSON file into any and nothing more.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	var value any
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
