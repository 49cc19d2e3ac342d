package main

import (
	"fmt"
	"io"

	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
)

// rmcfgMain removes the config from where the platform keeps it.
func rmcfgMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition-rmcfg", "", "Removes the config from the platform.", stderr)
	platform := platformFlag(flags)
	toStdout := flags.Bool("log-to-stdout", false, "log to standard output instead of the system log")
	showVersion := flags.Bool("version", false, "print the version and exit")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case *showVersion:
		return printVersion(stdout)
	case len(rest) > 0:
		fmt.Fprintf(stderr, "ignition-rmcfg: it takes no arguments, %d were given\n", len(rest))
		return exitUsage
	case *platform == "":
		fmt.Fprintln(stderr, "ignition-rmcfg: --platform must be given")
		return exitUsage
	}
	log := openLog(*toStdout, stdout)
	defer log.Close()
	switch *platform {
	case "virtualbox", "vmware":
		log.Printf(eventlog.Critical, "couldn't delete config from platform %s: %v", *platform, acquire.ErrProvider)
	default:
		log.Printf(eventlog.Critical, "couldn't delete config: platform %s does not support config deletion", *platform)
	}
	return exitFailed
}
