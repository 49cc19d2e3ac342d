package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
)

// planMain is ignition plan: it prints what ignition apply would do.
func planMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	format := "text"
	o, status, ok := parseApplyFlags("ignition plan", args, stdout, stderr, &format)
	switch {
	case !ok:
		return status
	case format != "text" && format != "json":
		fmt.Fprintf(stderr, "ignition plan: format %q is neither text nor json\n", format)
		return exitUsage
	}
	c := &console{out: stdout, err: stderr}
	log := eventlog.New(stderr)
	plan, err := o.plan(stdin, log, c.sink)
	log.Close()
	if err != nil {
		c.fail(err)
		return exitFailed
	}
	if format == "json" {
		err = printPlanJSON(stdout, plan)
	} else {
		err = printPlan(stdout, plan)
	}
	if err != nil {
		c.fail(fmt.Errorf("print plan: %w", err))
		return exitFailed
	}
	if plan.Problems() != nil {
		return exitFailed
	}
	return exitOK
}

func (o applyFlags) plan(stdin io.Reader, log *eventlog.Log, sink exec.Sink) (exec.Plan, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o.machine = true
	root, fetcher, ops, err := o.prepare(ctx, stdin, log, true)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	engine := exec.Engine{Stage: "files", Root: root, Fetcher: fetcher, Sink: sink, Detailed: true}
	return engine.Plan(ctx, ops)
}

// printPlan prints a plan for people. What is kept is only counted.
func printPlan(w io.Writer, p exec.Plan) error {
	var b strings.Builder
	printLosses(&b, p)
	kept := 0
	for i := range p {
		o := &p[i]
		if o.Finding.Action == exec.Keep {
			kept++
			continue
		}
		fmt.Fprintf(&b, "%-8s %-11s %s\n", o.Finding.Action, o.What.Kind, o.What.Target)
		if o.Err != nil {
			fmt.Fprintf(&b, "  problem:  %v\n", o.Err.Err)
			if help := o.Err.Help(); help != "" {
				fmt.Fprintf(&b, "  help:     %s\n", help)
			}
		}
		for _, d := range o.Finding.Details {
			fmt.Fprintf(&b, "  %s\n", d)
		}
		if len(o.What.AskedBy.Path) > 0 {
			fmt.Fprintf(&b, "  asked by: %s\n", o.What.AskedBy)
		}
		for line := range strings.Lines(o.Finding.Diff) {
			fmt.Fprintf(&b, "    %s", line)
			if !strings.HasSuffix(line, "\n") {
				b.WriteByte('\n')
			}
		}
	}
	conflicts := len(p.Problems())
	fmt.Fprintf(&b, "%d to change, %d to keep, %d in conflict\n", p.Changes(), kept, conflicts)
	_, err := io.WriteString(w, b.String())
	return err
}

// printLosses warns of data that will be lost before anything else is read.
func printLosses(b *strings.Builder, p exec.Plan) {
	found := false
	for i := range p {
		for _, lost := range p[i].Finding.Destroys {
			if !found {
				found = true
				b.WriteString("DATA WILL BE LOST:\n")
			}
			fmt.Fprintf(b, "  %s %s: %s\n", p[i].What.Kind, p[i].What.Target, lost)
		}
	}
	if found {
		b.WriteByte('\n')
	}
}

// planJSON is the form of a plan for programs.
type planJSON struct {
	Operations []operationJSON `json:"operations"`
	Changes    int             `json:"changes"`
	Conflicts  int             `json:"conflicts"`
}

type operationJSON struct {
	Kind    string   `json:"kind"`
	Target  string   `json:"target"`
	Action  string   `json:"action"`
	Path    string   `json:"path,omitempty"`
	Place   string   `json:"place,omitempty"`
	Details []string `json:"details,omitempty"`
	// Destroys is data that will be lost.
	Destroys []string `json:"destroys,omitempty"`
	Diff     string   `json:"diff,omitempty"`
	Problem  string   `json:"problem,omitempty"`
	Help     string   `json:"help,omitempty"`
}

func printPlanJSON(w io.Writer, p exec.Plan) error {
	out := planJSON{Operations: make([]operationJSON, 0, len(p)), Changes: p.Changes(), Conflicts: len(p.Problems())}
	for i := range p {
		o := &p[i]
		j := operationJSON{
			Kind: o.What.Kind, Target: o.What.Target, Action: o.Finding.Action.String(),
			Path: o.What.AskedBy.Path.String(), Place: o.What.AskedBy.Place(),
			Details: o.Finding.Details, Destroys: o.Finding.Destroys, Diff: o.Finding.Diff,
		}
		if o.Err != nil {
			j.Problem, j.Help = o.Err.Err.Error(), o.Err.Help()
		}
		out.Operations = append(out.Operations, j)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
