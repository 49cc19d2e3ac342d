package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/bootreport"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/providers"
	"github.com/kindling-boot/kindling/internal/resource"
)

// failureReportLimit is how long a stage that has failed tries to report that: the
// verdict waits for it.
const failureReportLimit = 15 * time.Second

// reporter sends the report of a boot.
type reporter struct {
	dir, configCache, platform string
	// address overrides what the kernel arguments and the config say.
	address string
	limit   time.Duration
	log     *eventlog.Log
}

// reportMain is ignition report: it tells a server what this boot did, if the kernel
// arguments or the config ask for it. A unit of the system calls it after a success.
func reportMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition report", "",
		"Sends the events of this boot to the server that the kernel argument ignition.report.url or the config names; does nothing if there is none.", stderr)
	r := reporter{}
	flags.StringVar(&r.configCache, "config-cache", "/run/ignition.json", "`file` with the rendered config, written by the fetch stages")
	flags.StringVar(&r.dir, "run-dir", "/run/ignition", "`directory` of what the stages have left")
	flags.StringVar(&r.address, "url", "", "`URL` to send it to, whatever kernel arguments and config say")
	flags.DurationVar(&r.limit, "timeout", 2*time.Minute, "limit for all attempts, and for a network that is not up yet")
	platform := platformFlag(flags)
	show := flags.Bool("show", false, "print the report instead of sending it")
	toStdout := flags.Bool("log-to-stdout", false, "log to standard output instead of the system log")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case len(rest) > 0:
		fmt.Fprintf(stderr, "ignition report: it takes no arguments, %d were given\n", len(rest))
		return exitUsage
	}
	r.platform = *platform
	if *show {
		payload, err := r.payload()
		if err == nil {
			_, err = stdout.Write(payload)
		}
		if err != nil {
			fmt.Fprintf(stderr, "ignition report: %v\n", err)
			return exitFailed
		}
		return exitOK
	}
	r.log = openLog(*toStdout, stdout)
	defer r.log.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if !r.send(ctx) {
		return exitFailed
	}
	return exitOK
}

// sendReport sends the report of a stage that has failed. The network is still up then, and
// may be down when a hook shows the verdict.
func (r *stageRun) sendReport(ctx context.Context) {
	reporter{dir: r.dir(), configCache: r.configCache, platform: *r.platform, limit: failureReportLimit, log: r.log}.send(ctx)
}

// send sends the report if somebody asks for it. What keeps it from that is a warning, and
// harms nothing else.
func (r reporter) send(ctx context.Context) bool {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, r.limit, errors.New("the time limit for it is over"))
	defer cancel()
	address, payload, err := r.deliver(ctx)
	switch {
	case err != nil:
		r.log.Printf(eventlog.Warning, "no report of this boot was sent: %v", err)
	case address != "":
		r.log.Printf(eventlog.Info, "report of this boot sent to %s: %d bytes in %s", address, payload, time.Since(start).Round(time.Millisecond))
	}
	return err == nil
}

// deliver returns where the report was sent, for people; "" if nobody asks for one.
func (r reporter) deliver(ctx context.Context) (shown string, size int, err error) {
	fetcher := newFetcher(r.platform, false, r.limit, r.log)
	cfg := r.config()
	address, err := r.wanted(ctx, fetcher, cfg.Config)
	if err != nil || address == "" {
		return "", 0, err
	}
	payload, err := r.payload()
	if err != nil {
		return "", 0, err
	}
	if under, err := fetcher.Under(ctx, cfg.Ignition); err != nil {
		r.log.Printf(eventlog.Warning, "the report is sent without the proxy and the authorities of the config: %v", err)
	} else {
		fetcher = under
	}
	return resource.Show(address), len(payload), bootreport.Send(ctx, fetcher, address, payload, r.limit)
}

// wanted is where to send the report; "" if nobody asks for one.
func (r reporter) wanted(ctx context.Context, fetcher *resource.Fetcher, cfg types.Config) (string, error) {
	if r.address != "" {
		return r.address, bootreport.Check(r.address)
	}
	argument, err := providers.ReportArgument(&providers.Env{Paths: providers.SystemPaths()})
	if err != nil {
		return "", err
	}
	return bootreport.Address(ctx, fetcher, argument, cfg)
}

// config is what is known of the config so far.
func (r reporter) config() config.Config {
	base, _, _, err := acquire.Base(r.platform)
	if err != nil {
		base = acquire.Empty() // that has failed before, and was told then
	}
	user, err := acquire.ReadCache(r.configCache)
	if err != nil {
		return base
	}
	return config.Merge(base, user)
}

// payload is the text of the report.
func (r reporter) payload() ([]byte, error) {
	events, err := os.Open(filepath.Join(r.dir, eventsName))
	if err != nil {
		return nil, err
	}
	defer events.Close() //nolint:errcheck // read only
	return bootreport.Payload(events, providers.SystemPaths().Sys, bootreport.MaxBytes)
}
