// Package eventlog reads the events of the engine for people: New gives a Log, whose
// Sink prints them the way that tools which read the logs of a first boot expect.
//
// Lines go to standard output, with a column for the severity, or to the system log.
// Nothing is printed that was not redacted before it became an event.
package eventlog

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
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

// columns begin the lines on standard output.
var columns = map[Severity]string{
	Critical: "CRITICAL : ", Error: "ERROR    : ", Warning: "WARNING  : ", Info: "INFO     : ", Debug: "DEBUG    : ",
}

// Log writes lines. It may be used from several goroutines.
type Log struct {
	// OnWarning, if set, is told of every warning. It must not use the log.
	OnWarning func(text string)

	mu      sync.Mutex
	write   func(Severity, []byte)
	text    []byte // room for a message
	buffer  *Buffer
	journal *journal
}

// New returns a log that writes to w.
func New(w io.Writer) *Log {
	b := NewBuffer(w)
	var whole []byte
	return &Log{buffer: b, write: func(s Severity, line []byte) {
		whole = append(append(join(whole[:0], columns[s]), line...), '\n')
		_, _ = b.Write(whole) // nobody can be told when this fails
	}}
}

// Printf writes a message, each of its lines with the severity.
func (l *Log) Printf(s Severity, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(s, fmt.Appendf(l.text[:0], format, args...))
}

// print writes the message, which it keeps as room for the next.
func (l *Log) print(s Severity, text []byte) {
	l.text = text
	for rest, more := bytes.TrimRight(text, "\n"), true; more; {
		var line []byte
		line, rest, more = bytes.Cut(rest, []byte{'\n'})
		l.write(s, line)
		if s == Warning && l.OnWarning != nil {
			l.OnWarning(string(line))
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

// event prints one, of which there are thousands: nothing is allocated for most.
func (l *Log) event(e exec.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	severity, text := Info, append(l.text[:0], e.Stage...)
	if e.What != nil && e.What.Step != "" && e.Kind != exec.Warned {
		text = join(text, ": ", e.What.Step)
	}
	if e.Op > 0 && e.Kind != exec.Warned {
		text = append(strconv.AppendInt(join(text, ": op("), int64(e.Op), 16), ')')
	}
	switch e.Kind {
	case exec.Started:
		text = e.What.AppendSentence(join(text, ": [started]  "))
	case exec.Finished:
		text = join(e.What.AppendSentence(join(text, ": [finished] ")), measured(e))
	case exec.Kept:
		severity = Debug
		text = join(e.What.AppendSentence(join(text, ": [kept]     ")), ": already as it should be")
	case exec.Failed:
		severity = Critical
		text = join(e.What.AppendSentence(join(text, ": [failed]   ")), ": ", e.Err.Cause())
	case exec.Called:
		severity = Debug
		text = join(text, ": executing: ", run.Quote(e.Command.Argv))
	case exec.Warned:
		severity = Warning
		text = join(text, ": ", e.Text)
	case exec.Noted:
		text = join(text, ": ", e.Text)
	default:
		return
	}
	l.print(severity, text)
	if len(e.Fields) > 0 {
		l.journal.send(Info, e.Text, e.Fields)
	}
}

// join adds texts to another.
func join(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = append(to, text...)
	}
	return to
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
