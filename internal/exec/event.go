package exec

import (
	"context"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/internal/run"
)

// EventKind is what has happened.
type EventKind uint8

// The kinds of events.
const (
	// Started and one of Finished, Failed frame every operation that is carried out.
	Started EventKind = iota
	Finished
	Failed
	// Kept is an operation whose target is as it should be already.
	Kept
	// Called is an external program that has ended.
	Called
	// Warned and Noted are texts.
	Warned
	Noted
	// Counted tells how many operations there are, before the first is carried out.
	Counted
)

// String names the kind.
func (k EventKind) String() string {
	return [...]string{"started", "finished", "failed", "kept", "called", "warned", "noted", "counted"}[k]
}

// Event is one thing that has happened.
type Event struct {
	Kind  EventKind
	Stage string
	// Op is the number of the operation in the plan, from 1; 0 is the stage itself.
	Op int
	// What the operation is about; nil for the stage itself.
	What *Description
	Time time.Time
	// Duration of the operation or program; of those that have ended.
	Duration time.Duration
	// Bytes the operation has written.
	Bytes int64
	// Count of operations; of Counted.
	Count int
	// Command that was called.
	Command *run.Record
	// Text of Warned and Noted, without secrets.
	Text string
	// Fields are the journal's fields for the text, if it has any.
	Fields map[string]string
	// Err of a failed operation.
	Err *Problem
}

// Sink takes events. It is called by one goroutine at a time.
type Sink func(Event)

// stream passes events on, one at a time and in the order of the plan: those of an
// operation wait until all operations before it have ended. What is reported is
// therefore the same on every run.
type stream struct {
	stage string
	sink  Sink

	mu      sync.Mutex
	next    int             // operation whose events pass at once
	waiting map[int][]Event // of later operations
	ended   map[int]bool
}

func newStream(stage string, sink Sink) *stream {
	if sink == nil {
		sink = func(Event) {}
	}
	return &stream{stage: stage, sink: sink, next: 1, waiting: map[int][]Event{}, ended: map[int]bool{}}
}

// emit passes on an event, or keeps it until it is its turn.
func (s *stream) emit(e Event) {
	e.Stage = s.stage
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Op > s.next {
		s.waiting[e.Op] = append(s.waiting[e.Op], e)
		return
	}
	s.sink(e)
}

// end tells that no more events of an operation will come.
func (s *stream) end(op int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[op] = true
	for s.ended[s.next] {
		delete(s.ended, s.next)
		s.next++
		for _, e := range s.waiting[s.next] {
			s.sink(e)
		}
		delete(s.waiting, s.next)
	}
}

// flush passes on what is left, of operations after one that never ran.
func (s *stream) flush(last int) {
	for op := 1; op <= last; op++ {
		s.end(op)
	}
}

// opKey is the key of the operation's number in a context.
type opKey struct{}

func withOp(ctx context.Context, op int) context.Context { return context.WithValue(ctx, opKey{}, op) }

func opOf(ctx context.Context) int {
	op, _ := ctx.Value(opKey{}).(int)
	return op
}
