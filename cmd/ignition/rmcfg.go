package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/providers"
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
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	p, _ := providers.Find(*platform) // the flag takes no other
	env := newProviderEnv(newFetcher(*platform, true, 0, log), 0, log)
	if err := p.Delete(ctx, env); err != nil {
		log.Printf(eventlog.Critical, "couldn't delete config: %v", err)
		return exitFailed
	}
	log.Printf(eventlog.Info, "the config is deleted")
	return exitOK
}
