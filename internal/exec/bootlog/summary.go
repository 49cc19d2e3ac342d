package bootlog

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/record"
)

// Summary is what the lines of a boot tell.
type Summary struct {
	Version  string `json:"version,omitempty"`
	Platform string `json:"platform,omitempty"`
	BootID   string `json:"bootID,omitempty"`
	// Started is when the first stage began, RFC 3339.
	Started string `json:"started,omitempty"`
	// Seconds from then to the last event.
	Seconds float64        `json:"seconds"`
	Config  *record.Config `json:"config,omitempty"`
	// Stages in the order they ran.
	Stages []StageSummary `json:"stages"`
	// Operations were carried out, Kept had nothing to do; Bytes were written.
	Operations int   `json:"operations"`
	Kept       int   `json:"kept"`
	Bytes      int64 `json:"bytes"`
	Warnings   int   `json:"warnings"`

	begin        time.Time
	last         []string
	changedDisks bool
}

// StageSummary is one run of a stage.
type StageSummary struct {
	Name string `json:"name"`
	// Begin is the time since the first stage began, in seconds.
	Begin   float64 `json:"begin"`
	Seconds float64 `json:"seconds"`
	// Operations that were carried out, and that had nothing to do.
	Operations int `json:"operations"`
	Kept       int `json:"kept"`
	// Result is finished, failed, or running if the lines tell of no end.
	Result string `json:"result"`
}

// changesDisks are the stages that may have changed a disk when they have carried out
// anything.
var changesDisks = map[string]bool{"disks": true}

// maxLast is how many of the last operations a failure names.
const maxLast = 3

// Tally is a summary that grows while a stage runs. Who reads it holds its lock.
type Tally struct {
	sync.Mutex
	Summary Summary
}

// Add adds the next line of the boot.
func (t *Tally) Add(l *record.Line) {
	t.Lock()
	t.Summary.Add(l)
	t.Unlock()
}

// Add adds the next line of a boot. The zero Summary has none.
func (s *Summary) Add(l *record.Line) {
	if s.Started == "" {
		s.begin, s.Started = l.Begin(), date(l.Begin())
	}
	since := round(l.Time.Sub(s.begin).Seconds())
	s.Seconds = max(s.Seconds, since)
	if l.Event == record.StageStarted || len(s.Stages) == 0 {
		s.Stages = append(s.Stages, StageSummary{Name: l.Stage, Begin: since, Result: "running"})
	}
	at := &s.Stages[len(s.Stages)-1]
	switch l.Event {
	case record.ConfigFound:
		s.Config = l.Config
	case exec.Finished.String():
		s.operation(at, l)
	case exec.Kept.String():
		s.Kept++
		at.Kept++
	case exec.Failed.String():
		s.changedDisks = s.changedDisks || changesDisks[l.Stage]
	case exec.Warned.String():
		s.Warnings++
	case record.StageFinished, record.StageFailed:
		at.Result = strings.TrimPrefix(l.Event, "stage-")
	}
	if l.Engine != nil {
		s.Version, s.Platform, s.BootID = l.Engine.Version, l.Engine.Platform, l.Engine.BootID
	}
	at.Seconds = round(since - at.Begin)
}

// operation counts one that was carried out.
func (s *Summary) operation(at *StageSummary, l *record.Line) {
	s.Operations++
	s.Bytes += l.Bytes
	at.Operations++
	s.changedDisks = s.changedDisks || changesDisks[l.Stage]
	if s.last = append(s.last, l.Kind+" "+l.Target); len(s.last) > maxLast {
		s.last = s.last[1:]
	}
}

func date(t time.Time) string { return t.Format(time.RFC3339) }

// Short is the summary in one line: provisioned in 3.2 s: 412 operations.
func (s *Summary) Short() string {
	return fmt.Sprintf("provisioned in %s: %s", Duration(s.Seconds), Count(s.Operations, "operation"))
}

// Duration writes seconds for people.
func Duration(seconds float64) string {
	switch {
	case seconds < 0.01:
		return fmt.Sprintf("%.1f ms", seconds*1000)
	case seconds < 1:
		return fmt.Sprintf("%.0f ms", seconds*1000)
	case seconds < 100:
		return fmt.Sprintf("%.1f s", seconds)
	}
	return fmt.Sprintf("%d min %02d s", int(seconds)/60, int(seconds)%60)
}

// Count writes a number of things: 1 operation, 412 operations.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
