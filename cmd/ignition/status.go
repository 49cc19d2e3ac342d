package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec/bootlog"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/exec/record"
)

// Exit statuses of ignition status.
const (
	statusNever   = 3
	statusFailed  = 4
	statusRunning = 5
)

// machineStatus is what ignition status tells, in the form for programs.
type machineStatus struct {
	// State is provisioned, failed, running or never.
	State string `json:"state"`
	// Date and BootID of the last success, as the result file has them.
	Date               string `json:"provisioningDate,omitempty"`
	BootID             string `json:"provisioningBootID,omitempty"`
	UserConfigProvided bool   `json:"userConfigProvided"`
	// Provisioning is that success; missing if another program has provisioned the machine.
	Provisioning *provisioning `json:"provisioning,omitempty"`
	// Failure is that of the last attempt; of the state failed.
	Failure *bootlog.Failure `json:"failure,omitempty"`
	// Attempts that failed since the last success.
	Attempts []bootlog.Earlier `json:"failedAttempts,omitempty"`
}

// statusMain is ignition status: it tells what the last provisioning of the machine did.
func statusMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition status", "",
		"Tells what the last provisioning of this machine did. Exit status: 0 provisioned, 3 never, 4 the last attempt failed, 5 it goes on.", stderr)
	format := flags.String("format", "text", "`form` of the output: text, json")
	root := flags.String("root", "/", "`directory` of the root file system")
	dir := flags.String("run-dir", "/run/ignition", "`directory` of what the stages of this boot have left")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case len(rest) > 0:
		fmt.Fprintf(stderr, "ignition status: it takes no arguments, %d were given\n", len(rest))
		return exitUsage
	case *format != "text" && *format != "json":
		fmt.Fprintf(stderr, "ignition status: format %q is neither text nor json\n", *format)
		return exitUsage
	}
	s, err := readStatus(*root, *dir)
	if err != nil {
		fmt.Fprintf(stderr, "ignition status: %v\n", err)
		if errors.Is(err, fs.ErrPermission) {
			fmt.Fprintln(stderr, "  help: run this as root")
		}
		return exitFailed
	}
	if *format == "json" {
		err = json.Write(stdout, s)
	} else {
		_, err = io.WriteString(stdout, s.text())
	}
	if err != nil {
		fmt.Fprintf(stderr, "ignition status: %v\n", err)
		return exitFailed
	}
	return map[string]int{"provisioned": exitOK, "never": statusNever, "failed": statusFailed, "running": statusRunning}[s.State]
}

// readStatus gathers what this boot and those before have left.
func readStatus(root, dir string) (machineStatus, error) {
	s := machineStatus{State: "never"}
	data, err := os.ReadFile(filepath.Join(root, op.ResultPath))
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &s); err != nil {
			return s, fmt.Errorf("read %s: it is no result of a provisioning: %w", filepath.Join(root, op.ResultPath), err)
		}
		s.State = "provisioned"
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	}
	if _, err := os.ReadFile(filepath.Join(root, op.AttemptsPath)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	a := bootlog.ReadAttempts(filepath.Join(root, op.AttemptsPath))
	s.Attempts = a.All()
	if a.Last != nil {
		s.State, s.Failure = "failed", a.Last
	}
	events, err := os.Open(filepath.Join(dir, eventsName))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return s, err
	case err != nil: // this boot did not provision
		return s, nil
	}
	defer events.Close() //nolint:errcheck // read only
	var boot bootlog.Summary
	record.Each(events, func(_ []byte, l *record.Line) { boot.Add(l) })
	if f, err := bootlog.ReadFailure(dir); err == nil {
		s.State, s.Failure = "failed", &f
	} else if boot.BootID != s.BootID {
		s.State = "running"
	}
	return s, nil
}

// text writes the status for people.
func (s *machineStatus) text() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	switch s.State {
	case "never":
		row("state:", "this machine was never provisioned")
	case "running":
		row("state:", "this machine is being provisioned")
	case "failed":
		row("state:", "failed in stage %s at %s", s.Failure.Stage, s.Failure.Date)
		if s.Failure.Attempt > 0 {
			row("attempts:", "%d, the last %d with the same config", s.Failure.Attempt, s.Failure.Same)
		}
		configRows(row, s.Failure.Config)
		b.WriteString(s.Failure.Screen("journalctl --identifier=ignition"))
	}
	if s.Date == "" {
		return b.String()
	}
	if s.State == "provisioned" {
		row("state:", "provisioned")
	} else {
		b.WriteString("\nBefore that:\n")
	}
	row("date:", "%s", s.Date)
	row("boot:", "%s", s.BootID)
	p := s.Provisioning
	if p == nil {
		row("user config:", "%s", map[bool]string{true: "yes", false: "none"}[s.UserConfigProvided])
		row("note:", "a program that tells no more has provisioned it")
		return b.String()
	}
	row("duration:", "%s", bootlog.Duration(p.Seconds))
	row("engine:", "Ignition %s, platform %s", p.Version, p.Platform)
	configRows(row, p.Config)
	row("operations:", "%d done, %d with nothing to do, %d bytes written, %s", p.Operations, p.Kept, p.Bytes, bootlog.Count(p.Warnings, "warning"))
	for i, st := range p.Stages {
		row(map[bool]string{true: "stages:"}[i == 0], "%-13s %8s  %s", st.Name, bootlog.Duration(st.Seconds), bootlog.Count(st.Operations, "operation"))
	}
	row("attempts:", "%d", p.Attempts)
	for _, e := range p.Earlier {
		row("", "failed at %s in %s: %s", e.Date, e.Stage, e.Cause)
	}
	return b.String()
}

// configRows writes what is known of a config.
func configRows(row func(name, format string, args ...any), c *record.Config) {
	switch {
	case c == nil:
		row("config:", "none was found")
	case c.SHA512 == "":
		row("config:", "none, says %s", c.Provider)
	default:
		row("config:", "%s, found at %s, %d bytes", c.Provider, c.Where, c.Bytes)
		row("  sha512:", "%s", c.SHA512)
	}
}
