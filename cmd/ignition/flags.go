package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/kindling-boot/kindling/version"
)

// parseAnywhere parses flags that stand before, between and after the other
// arguments, which it returns. A single - is no flag, and after -- nothing is.
func parseAnywhere(flags *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		if len(left) == 0 {
			return rest, nil
		}
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			return append(rest, left...), nil
		}
		rest = append(rest, left[0])
		args = left[1:]
	}
}

// newFlags returns a set of flags with its usage.
func newFlags(name, arguments, about string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "Usage: %s [options]%s\n\n%s\n\nOptions:\n", name, arguments, about)
		flags.PrintDefaults()
	}
	return flags
}

// isSet reports whether a flag was given.
func isSet(flags *flag.FlagSet, name string) bool {
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// usageStatus is the exit status after flags could not be parsed.
func usageStatus(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	return exitUsage
}

func printVersion(w io.Writer) int {
	fmt.Fprintf(w, "Ignition %s\n", version.String)
	return exitOK
}
