package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/kindling-boot/kindling/rulebook"
)

const explainUsage = `Usage: butane explain [RULE-ID...]

Prints what a rule is about, with an example that breaks it and one that does not.
Without an id it lists all rules. A document named explain is read as ./explain.
`

// explain is butane explain: it prints the pages of rules, or lists them.
func explain(args []string, stdout, stderr io.Writer) int {
	var showHelp bool
	options := flags{{long: "help", short: 'h', on: &showHelp, help: "show this help and exit"}}
	ids, err := options.parse(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "butane explain: %v\n%s", err, explainUsage)
		return exitUsage
	case showHelp:
		ids = nil
		_, err = io.WriteString(stdout, explainUsage)
	case len(ids) == 0:
		err = rulebook.WriteList(stdout)
	}
	for i, id := range ids {
		page, ok := rulebook.Find(id)
		if !ok {
			return unknownRule(id, stderr)
		}
		if i > 0 && err == nil {
			_, err = io.WriteString(stdout, "\n\n")
		}
		if err == nil {
			err = page.Write(stdout)
		}
	}
	return ended(err, stderr)
}

func unknownRule(id string, stderr io.Writer) int {
	fmt.Fprintf(stderr, "butane explain: there is no rule %q\n", id)
	switch near := rulebook.Near(id); len(near) {
	case 0:
		fmt.Fprintln(stderr, "  help: butane explain lists all rules")
	case 1:
		fmt.Fprintf(stderr, "  help: did you mean %q?\n", near[0])
	default:
		fmt.Fprintf(stderr, "  help: did you mean one of %s?\n", strings.Join(near, ", "))
	}
	return exitUsage
}
