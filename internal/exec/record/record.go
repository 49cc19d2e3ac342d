// Package record keeps the events of a first boot in a file, one line of JSON each, for
// those who want to know afterwards what was done and how long it took: a Recorder
// writes it, Read reads it. Nothing is recorded that was not redacted before it became
// an event.
package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
)

// Format is the version of the lines.
const Format = 1

// maxBytes is how long the file may become. What comes later is not recorded.
const maxBytes = 16 << 20

// fileMode is that of the state: paths and programs of a machine are nobody's business.
const fileMode = 0o600

// Events that are no exec.EventKind: a stage begins and ends.
const (
	StageStarted  = "stage-started"
	StageFinished = "stage-finished"
	StageFailed   = "stage-failed"
	// ConfigFound tells about the user config, Stopped why the stage will fail.
	ConfigFound = "config"
	Stopped     = "failure"
)

// Line is one event. Members that say nothing about it are left out.
type Line struct {
	// Format is the version of the line.
	Format int `json:"format"`
	// Time when the event was over.
	Time time.Time `json:"time"`
	// Event is a StageStarted, StageFinished, StageFailed or the name of an
	// exec.EventKind.
	Event string `json:"event"`
	Stage string `json:"stage"`
	// Op is the number of the operation in the plan of its stage, from 1.
	Op     int    `json:"op,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Target string `json:"target,omitempty"`
	// Path and Place in the config that asked for the operation.
	Path  string `json:"path,omitempty"`
	Place string `json:"place,omitempty"`
	// Seconds that the operation, the program or the stage took.
	Seconds float64 `json:"seconds,omitempty"`
	Bytes   int64   `json:"bytes,omitempty"`
	// Command is the program with its arguments.
	Command []string `json:"command,omitempty"`
	Text    string   `json:"text,omitempty"`
	Error   string   `json:"error,omitempty"`
	// Count of operations of the stage; of counted.
	Count int `json:"count,omitempty"`
	// Engine tells what runs, of stage-started; Config from what, Failure why it stopped.
	Engine  *Engine         `json:"engine,omitempty"`
	Config  *Config         `json:"config,omitempty"`
	Failure json.RawMessage `json:"failure,omitempty"`
}

// Engine is the program, and where it runs.
type Engine struct {
	Version  string `json:"version"`
	Platform string `json:"platform"`
	// BootID is the kernel's, which differs between boots.
	BootID string `json:"bootID,omitempty"`
}

// Config is the user config of a machine.
type Config struct {
	// Provider is cmdline, system or the id of the platform.
	Provider string `json:"provider"`
	// Where it was found.
	Where string `json:"where,omitempty"`
	// Bytes and SHA512 of the document, after encodings were undone. Both are missing
	// when there is no config.
	Bytes  int    `json:"bytes,omitempty"`
	SHA512 string `json:"sha512,omitempty"`
}

// Begin is when what the line tells of began.
func (l *Line) Begin() time.Time {
	return l.Time.Add(-time.Duration(l.Seconds * float64(time.Second)))
}

// Recorder appends to a file. A nil Recorder records nothing. It may be used from
// several goroutines.
type Recorder struct {
	mu     sync.Mutex
	file   *os.File
	buffer *eventlog.Buffer
	left   int
	stage  string
	began  time.Time
	follow func(*Line)
	line   Line   // room for one
	text   []byte // and for its text
}

// Open opens the file for a stage, and records that it begins.
func Open(name, stage string, engine Engine) (*Recorder, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("record events: %w", err)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, fmt.Errorf("record events: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record events: %w", err), f.Close())
	}
	r := &Recorder{file: f, buffer: eventlog.NewBuffer(f), left: maxBytes - int(info.Size()), stage: stage, began: time.Now()}
	r.write(&Line{Time: r.began, Event: StageStarted, Engine: &engine})
	return r, nil
}

// Close records how the stage has ended.
func (r *Recorder) Close(outcome error) error {
	if r == nil {
		return nil
	}
	l := &Line{Time: time.Now(), Event: StageFinished, Seconds: time.Since(r.began).Seconds()}
	if outcome != nil {
		l.Event = StageFailed
	}
	r.write(l)
	return errors.Join(r.buffer.Flush(), r.file.Close())
}

// Note records a line of its own. Its time is now.
func (r *Recorder) Note(l Line) {
	if r != nil {
		l.Time = time.Now()
		r.write(&l)
	}
}

// Follow calls do with each line of the boot: those that are recorded already, but for what
// broke off because the engine was killed, and each that comes, also when there is no room
// for it. A line is valid until do returns. It is called before the stage begins its work.
func (r *Recorder) Follow(do func(*Line)) {
	if r == nil || r.buffer.Flush() != nil {
		return
	}
	Each(io.NewSectionReader(r.file, 0, maxBytes), func(_ []byte, l *Line) { do(l) })
	r.follow = do
}

// Each calls do with each line that can be read, and its text without the end of the
// line, which is valid until do returns.
func Each(from io.Reader, do func(text []byte, l *Line)) {
	in := bufio.NewScanner(from)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		var l Line
		if json.Unmarshal(in.Bytes(), &l) == nil && l.Event != "" {
			do(in.Bytes(), &l)
		}
	}
}

// Flush writes what was recorded to the file, whose name it returns.
func (r *Recorder) Flush() (name string, err error) {
	return r.file.Name(), r.buffer.Flush()
}

// Sink records events.
func (r *Recorder) Sink(e exec.Event) {
	if r == nil || e.Kind == exec.Started { // the end tells the duration
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &r.line
	*l = Line{Time: e.Time, Event: e.Kind.String(), Op: e.Op, Seconds: e.Duration.Seconds(), Bytes: e.Bytes, Text: e.Text, Count: e.Count}
	if e.What != nil {
		l.Kind, l.Target = e.What.Kind, e.What.Target
		l.Path, l.Place = e.What.AskedBy.Path.String(), e.What.AskedBy.Place()
	}
	if e.Command != nil {
		l.Command = e.Command.Argv
		if e.Command.Err != nil {
			l.Error = e.Command.Err.Error()
		}
	}
	if e.Err != nil {
		l.Error = e.Err.Cause()
	}
	r.append(l)
}

// write is append with the lock.
func (r *Recorder) write(l *Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.append(l)
}

// append adds a line. That it cannot be written is no reason to fail: the machine is as it
// was asked for all the same.
func (r *Recorder) append(l *Line) {
	l.Format, l.Stage = Format, r.stage
	text, err := json.Append(r.text[:0], l)
	if err != nil {
		return
	}
	r.text = append(text, '\n')
	if r.follow != nil {
		r.follow(l)
	}
	if r.left -= len(r.text); r.left >= 0 {
		_, _ = r.buffer.Write(r.text)
	}
}
