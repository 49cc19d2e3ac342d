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

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/exec/stage"
	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// applyFlags are the flags of apply and plan.
type applyFlags struct {
	root              string
	ignoreUnsupported bool
	offline           bool
	// machine shows what would happen to the machine, not only to the directory.
	machine bool
	config  string
	image   *dialect.Image
	// see is the machine; nil for this one.
	see *sight.Inventory
}

// Reasons to refuse.
var (
	errNotContainer = errors.New("this is not a container: the running system is left alone")
	errAccounts     = errors.New("users and groups cannot be applied; --ignore-unsupported leaves them out")
	errRemote       = errors.New("the config refers to remote resources")
)

// applyContractMain is ignition-apply: it changes the image that a container is built
// from, and nothing else.
func applyContractMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, status, ok := parseApplyFlags("ignition-apply", args, stdout, stderr, nil)
	if !ok {
		return status
	}
	log := eventlog.NewStdout(stdout)
	defer log.Close()
	if !inContainer() {
		report(log, errNotContainer)
		return exitFailed
	}
	if err := o.run(stdin, log, log.Sink(), nil, false); err != nil {
		report(log, err)
		return exitFailed
	}
	return exitOK
}

// applyMain is ignition apply: it makes a directory match a config, users and groups
// included. The root of the running system is changed in a container only.
func applyMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, status, ok := parseApplyFlags("ignition apply", args, stdout, stderr, nil)
	if !ok {
		return status
	}
	out := eventlog.NewBuffer(stdout)
	defer out.Flush() //nolint:errcheck // nobody can be told when this fails
	c := &console{out: out, err: stderr}
	if isRunningRoot(o.root) && !inContainer() {
		c.fail(errNotContainer)
		return exitFailed
	}
	log := eventlog.New(stderr)
	defer log.Close()
	if err := o.run(stdin, log, c.sink, c.summary, true); err != nil {
		c.fail(err)
		return exitFailed
	}
	return exitOK
}

// parseApplyFlags parses the command line. When ok is false the program ends with the
// status.
func parseApplyFlags(name string, args []string, stdout, stderr io.Writer, format *string) (o applyFlags, status int, ok bool) {
	flags := newFlags(name, " config.ign", "Makes a directory match a config; - reads it from standard input.", stderr)
	flags.StringVar(&o.root, "root", "/", "`directory` to change")
	flags.BoolVar(&o.ignoreUnsupported, "ignore-unsupported", false, "leave out parts of the config that cannot be applied")
	flags.BoolVar(&o.offline, "offline", false, "fail if the config refers to remote resources")
	o.image = imageFlags(flags)
	showVersion := flags.Bool("version", false, "print the version and exit")
	inventory := ""
	if format != nil {
		flags.StringVar(format, "format", "text", "`form` of the output: text, svg, json")
		flags.StringVar(&inventory, "inventory", "", "`file` that ignition inventory wrote: plan for that machine, not for this one")
	}
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return o, usageStatus(err), false
	case *showVersion:
		return o, printVersion(stdout), false
	case len(rest) != 1:
		flags.Usage()
		return o, exitFailed, false
	}
	o.config = rest[0]
	if inventory != "" {
		if o.see, err = sight.ReadInventory(inventory); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", name, err)
			return o, exitFailed, false
		}
		if !isSet(flags, "root") {
			o.root = ""
		}
	}
	return o, exitOK, true
}

// run applies the config. The events go to sink, the plan that was carried out to done.
func (o applyFlags) run(stdin io.Reader, log *eventlog.Log, sink exec.Sink, done func(exec.Plan), accounts bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root, fetcher, ops, err := o.prepare(ctx, stdin, log, accounts)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through the descriptor of the root
	engine := exec.Engine{Stage: "files", Root: root, Fetcher: fetcher, Sink: sink}
	plan, err := engine.Run(ctx, ops)
	if err == nil && done != nil {
		done(plan)
	}
	return err
}

// prepare reads the config and plans its stages.
func (o applyFlags) prepare(ctx context.Context, stdin io.Reader, log *eventlog.Log, accounts bool) (*sysroot.Root, *resource.Fetcher, []exec.Operation, error) {
	f, err := source.Open(o.config, stdin, source.MaxJSON)
	if err != nil {
		return nil, nil, nil, err
	}
	fetcher := newFetcher("", o.offline, 0, log)
	cfg, ds, err := parseDocument(ctx, f, fetcher, o.image)
	reportDiagnostics(log, ds)
	if errors.Is(err, resource.ErrNeedNet) || err == nil && o.offline && acquire.NeedsNet(cfg) {
		return nil, nil, nil, errors.Join(errRemote, err)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if fetcher, err = fetcher.Under(ctx, cfg.Ignition); err != nil {
		return nil, nil, nil, err
	}
	if !accounts && !o.ignoreUnsupported && hasAccounts(cfg) {
		return nil, nil, nil, errAccounts
	}
	fragment, err := keysFragment()
	if err != nil {
		return nil, nil, nil, err
	}
	root, err := sysroot.Open(o.root)
	if err != nil {
		return nil, nil, nil, err
	}
	state := &acquire.State{}
	in := &stage.Input{
		Config: cfg, Root: root, KeysFragment: fragment, SkipAccounts: !accounts,
		Directory: !o.machine, State: state, Machine: &op.Machine{State: state},
	}
	if o.see != nil {
		in.Machine.See = o.see
	}
	var ops []exec.Operation
	for _, s := range stage.Stages {
		if s.Name != "files" && o.ignoreUnsupported || s.Name == "umount" || s.Name == "mount" {
			continue // what is not made is not mounted
		}
		ops = append(ops, s.Plan(in)...)
	}
	return root, fetcher, ops, nil
}

func hasAccounts(cfg config.Config) bool {
	return len(cfg.Passwd.Users) > 0 || len(cfg.Passwd.Groups) > 0
}

// inContainer reports whether this is a container, as container engines tell.
func inContainer() bool {
	if os.Getenv("container") != "" {
		return true
	}
	for _, mark := range []string{"/run/.containerenv", "/.dockerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

// isRunningRoot reports whether a directory is the root of the running system.
func isRunningRoot(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return true
	}
	given, err := os.Stat(abs)
	if err != nil {
		return abs == "/"
	}
	root, err := os.Stat("/")
	return err != nil || os.SameFile(given, root)
}

// console prints events for a person in front of a terminal.
type console struct {
	out, err io.Writer
}

func (c *console) sink(e exec.Event) {
	switch e.Kind {
	case exec.Finished:
		fmt.Fprintf(c.out, "done    %-11s %s%s\n", e.What.Kind, e.What.Target, asked(e.What))
	case exec.Warned:
		fmt.Fprintf(c.err, "warning: %s\n", e.Text)
	}
}

func asked(d *exec.Description) string {
	if place := d.AskedBy.Place(); place != "" {
		return "  (" + place + ")"
	}
	return ""
}

func (c *console) summary(p exec.Plan) {
	changes := p.Changes()
	if changes == 0 {
		fmt.Fprintf(c.out, "nothing to do: %d things are as they should be\n", len(p))
		return
	}
	fmt.Fprintf(c.out, "%d changed, %d were as they should be\n", changes, len(p)-changes)
}

func (c *console) fail(err error) {
	var problems exec.Problems
	var invalid *acquire.InvalidError
	switch {
	case errors.As(err, &problems):
		fmt.Fprint(c.err, problems.Text())
	case errors.As(err, &invalid):
		fmt.Fprintf(c.err, "%s\nerror: %v\n", textOf(invalid.Diagnostics), err)
	default:
		fmt.Fprintf(c.err, "error: %v\n", err)
	}
}
