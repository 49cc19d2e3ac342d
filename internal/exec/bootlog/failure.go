package bootlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/exec/record"
	"github.com/kindling-boot/kindling/internal/run"
)

// Failure is why a provisioning stopped.
type Failure struct {
	// Stage that failed.
	Stage string `json:"stage"`
	// Date on the clock of the machine, RFC 3339, and the kernel's id of the boot.
	Date   string `json:"date"`
	BootID string `json:"bootID,omitempty"`
	// Problems are the causes, the first ones if there are many; More counts the others.
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitempty"`
	// Done is the number of operations that were carried out before, Last the last of them.
	Done int      `json:"done"`
	Last []string `json:"last,omitempty"`
	// Changed tells that a disk may have been changed.
	Changed bool `json:"changedDisks,omitempty"`
	// Config is missing when none was found before the failure.
	Config *record.Config `json:"config,omitempty"`
	// Attempt counts the boots that failed, this one included; Same those of them in
	// succession with the same config. 0 means that nobody counted.
	Attempt int `json:"attempt,omitempty"`
	Same    int `json:"attemptsWithSameConfig,omitempty"`
}

// Problem is one cause of a failure.
type Problem struct {
	// What it is about: file /etc/motd, config fw_cfg opt/com.coreos/config.
	What string `json:"what,omitempty"`
	// Cause tells what is wrong.
	Cause string `json:"cause"`
	// Rule of the config that is broken; butane explain has more.
	Rule string `json:"rule,omitempty"`
	// Path, Place and Excerpt are the part of the config that asks for it: its keys,
	// NAME:LINE:COLUMN, and its text. Secrets in that are blackened.
	Path    string `json:"path,omitempty"`
	Place   string `json:"place,omitempty"`
	Excerpt string `json:"excerpt,omitempty"`
	// Mark is the part of the excerpt that the problem is about: characters before it,
	// and its length.
	Mark *[2]int `json:"mark,omitempty"`
	// Command is the program that failed, Said what it said.
	Command string `json:"command,omitempty"`
	Said    string `json:"said,omitempty"`
	// Help tells what to try.
	Help string `json:"help,omitempty"`
}

// maxProblems is how many problems a failure keeps.
const maxProblems = 10

// FailureOf describes the error of a stage, after what the summary tells of.
func FailureOf(stage string, err error, s *Summary) Failure {
	f := Failure{Stage: stage, Problems: problemsOf(err)}
	if len(f.Problems) > maxProblems {
		f.More = len(f.Problems) - maxProblems
		f.Problems = f.Problems[:maxProblems]
	}
	for i := range f.Problems {
		if f.Problems[i].Help == "" {
			f.Problems[i].Help = advice[stage]
		}
	}
	f.Date, f.BootID, f.Config = date(time.Now()), s.BootID, s.Config
	f.Done, f.Last, f.Changed = s.Operations, s.last, s.changedDisks
	return f
}

// advice is what to try in a stage when nothing better is known.
var advice = map[string]string{
	"fetch-offline": "look at the source of the config: ignition.platform.id, ignition.config.url and what they lead to",
	"fetch":         "check that the address can be reached from this machine: ip=, ignition.config.url, the name server, a proxy",
	"kargs":         "a distribution that changes kernel arguments has its own ignition-kargs-helper",
	"disks":         "compare storage of the config with the disks that the machine has: lsblk -f",
	"mount":         "compare storage.filesystems of the config with the disks that the machine has: lsblk -f",
}

func problemsOf(err error) []Problem {
	var problems exec.Problems
	var invalid *acquire.InvalidError
	switch {
	case errors.As(err, &problems):
		out := make([]Problem, len(problems))
		for i, p := range problems {
			out[i] = problemOf(p)
		}
		return out
	case errors.As(err, &invalid):
		var out []Problem
		for i := range invalid.Diagnostics {
			if d := &invalid.Diagnostics[i]; d.Severity == diag.Error {
				out = append(out, findingOf(d, invalid.Name))
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	p := Problem{Cause: cut(err.Error(), maxText), Help: (&exec.Problem{Err: op.WithFetchHelp(err)}).Help()}
	p.tool(err)
	return []Problem{p}
}

// problemOf describes an operation that cannot be carried out.
func problemOf(p *exec.Problem) Problem {
	out := Problem{What: p.What.Kind + " " + cut(p.What.Target, maxText), Cause: cut(p.Err.Error(), maxText), Help: p.Help()}
	out.tool(p.Err)
	if len(p.What.AskedBy.Path) > 0 {
		out.Path = p.What.AskedBy.Path.String()
		if p.What.AskedBy.Where != nil {
			at, _ := p.What.AskedBy.Where.Locate(p.What.AskedBy.Path)
			out.excerpt(at)
		}
	}
	return out
}

// findingOf describes what is wrong in a config.
func findingOf(d *diag.Diagnostic, name string) Problem {
	out := Problem{What: "config " + name, Cause: cut(d.Message, maxText), Rule: d.Rule.ID, Path: d.Path.String(), Help: d.Advice()}
	out.excerpt(d.At)
	return out
}

// tool adds the program that failed.
func (p *Problem) tool(err error) {
	var tool *run.Error
	if errors.As(err, &tool) {
		p.Command, p.Said = cut(run.Line(tool.Argv), maxText), cut(tool.Said(), maxText)
	}
}

// Widths of the parts of an excerpt, in characters.
const (
	maxBefore = 24
	maxMarked = 40
)

// excerpt adds the place of a problem.
func (p *Problem) excerpt(at source.Range) {
	if at.IsZero() {
		return
	}
	p.Place = at.String()
	at.File.HideContents()
	e := at.Excerpt(maxMarked)
	// other values of the line may be secret without being known as such
	left := strings.TrimLeft(e.Before, " \t")
	left = left[strings.LastIndexAny(left, ",{[")+1:]
	before, marked := []rune(left), []rune(e.Marked)
	if len(before) > maxBefore {
		before = append([]rune("…"), before[len(before)-maxBefore:]...)
	}
	if len(marked) == 0 {
		return // nothing but a place is known
	}
	text := string(before) + string(marked)
	if e.After != "" || e.CutAfter {
		text += "…"
	}
	p.Excerpt, p.Mark = printable(text), &[2]int{len(before), len(marked)}
}

// Write leaves the failure in the directory of the boot.
func (f Failure) Write(dir string) error {
	data, err := json.MarshalIndent(f)
	if err == nil {
		err = writeFile(filepath.Join(dir, FailureFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep the failure: %w", err)
	}
	return nil
}

// ReadFailure reads what Write has left. The cause of the error is fs.ErrNotExist if
// nothing has failed.
func ReadFailure(dir string) (f Failure, err error) {
	data, err := os.ReadFile(filepath.Join(dir, FailureFile))
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read the failure: %w", err)
	}
	return f, nil
}
