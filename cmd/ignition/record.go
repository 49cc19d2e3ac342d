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
	r.recorder.Follow(r.tally.Add)
	start = start.Add(-time.Duration(r.tally.Summary.Seconds * float64(time.Second))) // nobody else knows it yet
	r.progress = consoles.NewProgress(paths, name, start)
	if r.progress != nil {
		r.log.OnWarning = r.progress.Warn
	}
}

// account is what the report on the target has besides.
func (r *stageRun) account(attempts []byte) json.RawMessage {
	p := provisioning{Attempts: 1}
	if len(attempts) > 0 {
		a := bootlog.ParseAttempts(attempts)
		p.Attempts, p.Earlier = a.Count+1, a.All()
	}
	r.tally.Lock()
	p.Summary = r.tally.Summary
	p.Stages = append([]bootlog.StageSummary{}, p.Stages...)
	r.tally.Unlock()
	if len(p.Stages) == 0 { // nothing is recorded
		return nil
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
	if outcome == nil && name == "files" && r.recorder != nil {
		r.tally.Lock()
		short := r.tally.Summary.Short()
		r.tally.Unlock()
		r.progress.Say(short)
		r.log.Printf(eventlog.Info, "%s", short)
	}
	if err := r.recorder.Close(outcome); err != nil {
		r.log.Printf(eventlog.Warning, "record events: %v", err)
	}
}

// fail leaves what is known of a failure for the verdict, the journal and the record.
func (r *stageRun) fail(name string, outcome error) {
	r.tally.Lock()
	f := bootlog.FailureOf(name, outcome, &r.tally.Summary)
	r.tally.Unlock()
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
