package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"time"

	"github.com/kindling-boot/kindling/config/json"
)

// maxLine is the length of a line that is read.
const maxLine = 1 << 20

// Boot is what a file tells: the stages in the order they began.
type Boot struct {
	Stages []Stage
}

// Stage is one run of a stage.
type Stage struct {
	Name string
	// Begin and End of the stage. End is that of the last event when the stage was
	// interrupted, or is still running.
	Begin, End time.Time
	// IsComplete tells that the end was recorded, Failed that it was a failure.
	IsComplete, Failed bool
	// Kept is the number of operations that had nothing to do.
	Kept int
	// Operations that were carried out, and programs that were called outside of any, in
	// the order they began.
	Operations []Line
	// Warnings in the order of the file.
	Warnings []Line
}

// Duration of the stage.
func (s *Stage) Duration() time.Duration { return s.End.Sub(s.Begin) }

// Begin and End are those of all stages; zero if there are none.
func (b *Boot) Begin() time.Time {
	if len(b.Stages) == 0 {
		return time.Time{}
	}
	return b.Stages[0].Begin
}

// End is when the last stage ended; zero if there is none.
func (b *Boot) End() (end time.Time) {
	for i := range b.Stages {
		if e := b.Stages[i].End; e.After(end) {
			end = e
		}
	}
	return end
}

// Duration from the begin of the first stage to the end of the last.
func (b *Boot) Duration() time.Duration { return b.End().Sub(b.Begin()) }

// Operations is the number of operations that were carried out.
func (b *Boot) Operations() (n int) {
	for i := range b.Stages {
		n += len(b.Stages[i].Operations)
	}
	return n
}

// Read reads a file of events. name is for errors, which tell the line.
func Read(name string, r io.Reader) (*Boot, error) {
	b := &Boot{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("%s:%d: this is no event: %w", name, n, err)
		}
		if err := b.add(l); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s:%d: the line is longer than %d bytes", name, n+1, maxLine)
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b.Stages) == 0 {
		return nil, fmt.Errorf("%s: there are no events in it", name)
	}
	for i := range b.Stages {
		ops := b.Stages[i].Operations
		sort.SliceStable(ops, func(x, y int) bool { return ops[x].Begin().Before(ops[y].Begin()) })
	}
	return b, nil
}

// longest is a bound for what a duration may be.
const longest = 365 * 24 * time.Hour

func (b *Boot) add(l Line) error {
	switch {
	case l.Format != Format:
		return fmt.Errorf("events of format %d cannot be read, only those of %d", l.Format, Format)
	case l.Stage == "" || l.Time.IsZero():
		return errors.New("this is no event: it has no stage or no time")
	case l.Seconds < 0 || l.Seconds > longest.Seconds() || math.IsNaN(l.Seconds):
		return fmt.Errorf("an event cannot take %v seconds", l.Seconds)
	}
	if l.Event == StageStarted || len(b.Stages) == 0 || b.Stages[len(b.Stages)-1].Name != l.Stage {
		b.Stages = append(b.Stages, Stage{Name: l.Stage, Begin: l.Begin(), End: l.Time})
	}
	s := &b.Stages[len(b.Stages)-1]
	if l.Time.After(s.End) {
		s.End = l.Time
	}
	if begin := l.Begin(); begin.Before(s.Begin) {
		s.Begin = begin
	}
	switch l.Event {
	case StageFinished, StageFailed:
		s.IsComplete, s.Failed = true, l.Event == StageFailed
	case "kept":
		s.Kept++
	case "finished", "failed":
		s.Operations = append(s.Operations, l)
	case "called":
		if l.Op == 0 {
			l.Kind = "program"
			if len(l.Command) > 0 {
				l.Target = l.Command[0]
			}
			s.Operations = append(s.Operations, l)
		}
	case "warned":
		s.Warnings = append(s.Warnings, l)
	}
	return nil
}
