// Package eventlog reads the events of the engine for people: New gives a Log, whose
// Sink prints them the way that tools which read the logs of a first boot expect.
//
// Lines go to standard output, with a column for the severity, or to the system log.
// Nothing is printed that was not redacted before it became an event.
package eventlog

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// Severity is that of syslog(3).
type Severity int

// The severities in use.
const (
	Critical Severity = 2
	Error    Severity = 3
	Warning  Severity = 4
	Info     Severity = 6
	Debug    Severity = 7
)

// column is the width of the severity on standard output.
const column = 9

var names = map[Severity]string{Critical: "CRITICAL", Error: "ERROR", Warning: "WARNING", Info: "INFO", Debug: "DEBUG"}

// Log writes lines. It may be used from several goroutines.
type Log struct {
	// OnWarning, if set, is told of every warning. It must not use the log.
	OnWarning func(text string)

	mu      sync.Mutex
	write   func(Severity, string)
	buffer  *Buffer
	journal *journal
}

// New returns a log that writes to w.
func New(w io.Writer) *Log {
	b := NewBuffer(w)
	return &Log{buffer: b, write: func(s Severity, line string) {
		// nobody can be told when this fails
		_, _ = fmt.Fprintf(b, "%-*s: %s\n", column, names[s], line)
	}}
}

// Printf writes a message, each of its lines with the severity.
func (l *Log) Printf(s Severity, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		l.write(s, line)
		if s == Warning && l.OnWarning != nil {
			l.OnWarning(line)
		}
	}
}

// Record sends a message with fields to the journal, if there is one.
func (l *Log) Record(text string, fields map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.journal.send(Info, text, fields)
}

// Close writes what is left and ends the connections.
func (l *Log) Close() {
	_ = l.buffer.Flush() // nobody can be told when this fails
	l.journal.close()
}

// Sink prints events.
func (l *Log) Sink() exec.Sink { return l.event }

func (l *Log) event(e exec.Event) {
	prefix := e.Stage
	if e.What != nil && e.What.Step != "" {
		prefix += ": " + e.What.Step
	}
	if e.Op > 0 {
		prefix += fmt.Sprintf(": op(%x)", e.Op)
	}
	switch e.Kind {
	case exec.Started:
		l.Printf(Info, "%s: [started]  %s", prefix, e.What.Sentence())
	case exec.Finished:
		l.Printf(Info, "%s: [finished] %s%s", prefix, e.What.Sentence(), measured(e))
	case exec.Kept:
		l.Printf(Debug, "%s: [kept]     %s: already as it should be", prefix, e.What.Sentence())
	case exec.Failed:
		l.Printf(Critical, "%s: [failed]   %s: %s", prefix, e.What.Sentence(), e.Err.Cause())
	case exec.Called:
		l.Printf(Debug, "%s: executing: %s", prefix, run.Quote(e.Command.Argv))
	case exec.Warned:
		l.Printf(Warning, "%s: %s", e.Stage, e.Text)
	case exec.Noted:
		l.Printf(Info, "%s: %s", prefix, e.Text)
		if len(e.Fields) > 0 {
			l.Record(e.Text, e.Fields)
		}
	}
}

// slow is how long an operation takes for its duration to be worth a word.
const slow = time.Second

func measured(e exec.Event) string {
	if e.Duration < slow {
		return ""
	}
	return fmt.Sprintf(" (%d bytes in %v)", e.Bytes, e.Duration.Round(10*time.Millisecond))
}

// Problems prints what a stage stumbled over, with who asked for it and what to do.
func (l *Log) Problems(ps exec.Problems) {
	for _, p := range ps {
		l.Printf(Critical, "%s", strings.Join(p.Lines(), "\n"))
	}
}
