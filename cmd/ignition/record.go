package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec/bootlog"
	"github.com/kindling-boot/kindling/internal/exec/consoles"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/exec/record"
	"github.com/kindling-boot/kindling/version"
)

// failureMessageID marks the journal record of a provisioning that failed.
const failureMessageID = "a4a3bb9e27a44c6bb53d4ba3e1ea3c3f"

// dir is where the log of the boot is: beside the state.
func (r *stageRun) dir() string { return filepath.Dir(r.stateFile) }

// observe opens what records and shows the stage. Neither is needed for it to run.
func (r *stageRun) observe(name string) {
	var err error
	r.recorder, err = record.Open(filepath.Join(r.dir(), eventsName), name, record.Engine{Version: version.String, Platform: *r.platform, BootID: bootID()})
	if err != nil {
		r.log.Printf(eventlog.Warning, "%v", err)
	}
	paths := consoles.Find()
	if r.showOn != "auto" {
		paths = strings.FieldsFunc(r.showOn, func(c rune) bool { return c == ',' })
	}
	start := time.Now()
	if s := bootlog.Summarize(r.recorder.Lines()); s.Seconds > 0 {
		start = start.Add(-time.Duration(s.Seconds * float64(time.Second)))
	}
	r.progress = consoles.NewProgress(paths, name, start)
	if r.progress != nil {
		r.log.OnWarning = r.progress.Warn
	}
}

// account is what the report on the target has besides.
func (r *stageRun) account(attempts []byte) json.RawMessage {
	lines := r.recorder.Lines()
	if lines == nil {
		return nil
	}
	p := provisioning{Summary: bootlog.Summarize(lines), Attempts: 1}
	if len(attempts) > 0 {
		a := bootlog.ParseAttempts(attempts)
		p.Attempts, p.Earlier = a.Count+1, a.All()
	}
	p.Stages[len(p.Stages)-1].Result = "finished" // the report is the end of it
	report, err := json.Marshal(p)
	if err != nil {
		return nil // a struct of texts and numbers
	}
	return report
}

// provisioning is what the result file tells about how a machine was provisioned.
type provisioning struct {
	bootlog.Summary
	// Attempts that it took; Earlier are those that failed.
	Attempts int               `json:"attempts"`
	Earlier  []bootlog.Earlier `json:"earlier,omitempty"`
}

// conclude tells how the stage has ended: the log of events, the journal, the consoles.
func (r *stageRun) conclude(name string, outcome error) {
	before, err := bootlog.ReadFailure(r.dir())
	failed := err == nil
	switch {
	case failed && name == "umount": // runs after another stage has failed, which is what counts
	case outcome != nil:
		r.fail(name, outcome)
	case failed && (before.Stage == name || name == "files"): // done again, by somebody at a console
		if err := bootlog.RemoveFailure(r.dir()); err != nil {
			r.log.Printf(eventlog.Error, "%v", err)
		}
	}
	if outcome == nil && name == "files" {
		if lines := r.recorder.Lines(); lines != nil {
			s := bootlog.Summarize(lines)
			r.progress.Say(s.Short())
			r.log.Printf(eventlog.Info, "%s", s.Short())
		}
	}
	if err := r.recorder.Close(outcome); err != nil {
		r.log.Printf(eventlog.Warning, "record events: %v", err)
	}
}

// fail leaves what is known of a failure for the verdict, the journal and the record.
func (r *stageRun) fail(name string, outcome error) {
	f := bootlog.FailureOf(name, outcome, r.recorder.Lines())
	if f.BootID == "" {
		f.BootID = bootID()
	}
	bootlog.Foresee(r.root, &f)
	if err := f.Write(r.dir()); err != nil {
		r.log.Printf(eventlog.Error, "%v", err)
	}
	data, err := json.Marshal(f)
	if err != nil {
		return // a struct of texts and numbers
	}
	r.recorder.Note(record.Line{Event: record.Stopped, Failure: data})
	r.log.Record("provisioning failed in stage "+name, map[string]string{
		"MESSAGE_ID": failureMessageID, "IGNITION_FAILURE": string(data), "IGNITION_STAGE": name,
	})
}

// bootID is the kernel's; empty if it has none.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
