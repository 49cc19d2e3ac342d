package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/drawing"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/reports"
)

// planMain is ignition plan: it prints what ignition apply would do.
func planMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	format := "text"
	o, status, ok := parseApplyFlags("ignition plan", args, stdout, stderr, &format)
	switch {
	case !ok:
		return status
	case !slices.Contains([]string{"text", "svg", "json"}, format):
		fmt.Fprintf(stderr, "ignition plan: format %q is none of text, svg, json\n", format)
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
	switch format {
	case "json":
		err = printPlanJSON(stdout, plan)
	case "svg":
		err = printPlanSVG(stdout, plan)
	default:
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
	if o.see != nil && o.root == "" {
		dir, err := rootOf(o.see)
		defer removeRoot(dir)
		if err != nil {
			return nil, fmt.Errorf("make a root with the accounts of the inventory: %w", err)
		}
		o.root = dir
	}
	root, fetcher, ops, err := o.prepare(ctx, stdin, log, true)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	engine := exec.Engine{Stage: "files", Root: root, Fetcher: fetcher, Sink: sink, Detailed: true}
	if o.see != nil {
		engine.Find = o.see.Find
	}
	return engine.Plan(ctx, ops)
}

// printPlan prints a plan for people. What is kept is only counted.
func printPlan(w io.Writer, p exec.Plan) error {
	var b strings.Builder
	style := styleOf(w)
	printLosses(&b, p, style)
	kept := 0
	for i := range p {
		o := &p[i]
		if o.Finding.Action == exec.Keep {
			kept++
			if o.Finding.Disk == nil {
				continue
			}
		}
		fmt.Fprintf(&b, "%-8s %-11s %s\n", o.Finding.Action, o.What.Kind, o.What.Target)
		if o.Err != nil {
			fmt.Fprintf(&b, "  problem:  %s\n", o.Err.Cause())
			if help := o.Err.Help(); help != "" {
				fmt.Fprintf(&b, "  help:     %s\n", help)
			}
		}
		if o.Finding.Disk != nil {
			b.WriteString(drawing.Text(o.Finding.Disk, style, "  "))
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
func printLosses(b *strings.Builder, p exec.Plan, style drawing.Style) {
	all := losses(p)
	if all == nil {
		return
	}
	banner := "DATA WILL BE LOST:"
	if style.Colors {
		banner = "\x1b[1;37;41m " + banner + " \x1b[0m"
	}
	fmt.Fprintf(b, "%s\n  %s\n\n", banner, strings.Join(all, "\n  "))
}

// losses are what will be lost, a line for each.
func losses(p exec.Plan) []string {
	var all []string
	for i := range p {
		for _, lost := range p[i].Finding.Destroys {
			all = append(all, fmt.Sprintf("%s %s: %s", p[i].What.Kind, p[i].What.Target, lost))
		}
	}
	return all
}

// styleOf is how tables are drawn on a writer: as wide as the terminal, with the letters
// of the locale (locale(7)).
func styleOf(w io.Writer) drawing.Style {
	s := drawing.Style{Colors: reports.Colors(w)}
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	locale = strings.ToLower(strings.ReplaceAll(locale, "-", ""))
	s.UTF8 = strings.Contains(locale, "utf8")
	if f, ok := w.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			s.Columns = int(size.Col)
		}
	}
	return s
}

// printPlanSVG draws the disks of a plan.
func printPlanSVG(w io.Writer, p exec.Plan) error {
	var disks []*exec.DiskPlan
	for i := range p {
		if d := p[i].Finding.Disk; d != nil {
			disks = append(disks, d)
		}
	}
	_, err := io.WriteString(w, drawing.SVG(disks, losses(p)))
	return err
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
	// Disk is the table of a disk before and after.
	Disk    *diskJSON `json:"disk,omitempty"`
	Problem string    `json:"problem,omitempty"`
	Help    string    `json:"help,omitempty"`
}

// diskJSON is the table of a disk.
type diskJSON struct {
	Node       string     `json:"node"`
	SizeBytes  uint64     `json:"sizeBytes"`
	SectorSize int        `json:"sectorSize"`
	HadTable   bool       `json:"hadTable"`
	Holds      string     `json:"holds,omitempty"`
	Before     []slotJSON `json:"before"`
	After      []slotJSON `json:"after"`
}

type slotJSON struct {
	Number     int    `json:"number"`
	Label      string `json:"label,omitempty"`
	StartBytes uint64 `json:"startBytes"`
	SizeBytes  uint64 `json:"sizeBytes"`
	Action     string `json:"action"`
	Holds      string `json:"holds,omitempty"`
}

func diskOf(d *exec.DiskPlan) *diskJSON {
	slots := func(all []exec.Slot) []slotJSON {
		out := make([]slotJSON, len(all))
		for i, s := range all {
			out[i] = slotJSON{s.Number, s.Label, s.Start, s.Size, s.Verb, s.Holds}
		}
		return out
	}
	return &diskJSON{Node: d.Node, SizeBytes: d.SizeBytes, SectorSize: d.SectorSize, HadTable: d.HadTable, Holds: d.Holds, Before: slots(d.Before), After: slots(d.After)}
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
		if o.Finding.Disk != nil {
			j.Disk = diskOf(o.Finding.Disk)
		}
		if o.Err != nil {
			j.Problem, j.Help = o.Err.Cause(), o.Err.Help()
		}
		out.Operations = append(out.Operations, j)
	}
	return json.Write(w, out)
}
