// Command yamlnodes parses a YAML file into nodes and nothing more: the least that
// a program which reads YAML with this library must do.
package main

import (
	"fmt"
	"os"

	"gopkg.in/yaml.v3"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = yaml.Unmarshal(text, new(yaml.Node))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
