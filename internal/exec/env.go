package exec

import (
	"context"
	"errors"
	"path"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Env is the machine as operations see it.
type Env struct {
	// Root is the target root.
	Root *sysroot.Root
	// Fetcher opens what the config refers to; nil has local contents only.
	Fetcher *resource.Fetcher
	// Detailed asks for diffs in findings.
	Detailed bool

	find     func(program string) error
	events   *stream
	promises map[Key]bool
	applied  atomic.Uint64
	kept     atomic.Int64

	mu       sync.Mutex
	accounts *sysroot.Accounts
	readOnly map[string]error // by directory
}

// Find looks for a program; the error's cause is run.ErrMissing.
func (e *Env) Find(program string) error {
	if e.find != nil {
		return e.find(program)
	}
	_, err := run.Find(program)
	return err
}

// Generation changes whenever an operation has been carried out: what was seen in
// the same generation still holds.
func (e *Env) Generation() uint64 { return e.applied.Load() }

// maxKept bounds what operations keep in memory between Check and Apply, in bytes.
const maxKept = 8 << 20

// MayKeep reports whether an operation may keep that many bytes from its Check for its
// Apply. If not, Apply does the work again.
func (e *Env) MayKeep(bytes int) bool {
	return e.kept.Load() < maxKept && e.kept.Add(int64(bytes)) <= maxKept
}

// Promises reports whether an operation of the plan provides the key.
func (e *Env) Promises(k Key) bool { return e.promises[k] }

// PromisesAbove reports whether an operation of the plan provides a directory above
// the path.
func (e *Env) PromisesAbove(name string) bool {
	for dir := path.Dir(name); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if e.Promises(PathKey(dir)) {
			return true
		}
	}
	return false
}

// Accounts are the users and groups of the target as they are now.
func (e *Env) Accounts() (sysroot.Accounts, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.accounts == nil {
		a, err := e.Root.Accounts()
		if err != nil {
			return a, err
		}
		e.accounts = &a
	}
	return *e.accounts, nil
}

// ForgetAccounts makes the next Accounts read them again.
func (e *Env) ForgetAccounts() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.accounts = nil
}

// Run starts an external program. What it may have done to the target's directories
// is looked at anew afterwards.
func (e *Env) Run(ctx context.Context, c run.Command) (string, error) {
	op := opOf(ctx)
	r := run.Runner{Report: func(_ context.Context, rec run.Record) {
		e.events.emit(Event{Kind: Called, Op: op, Command: &rec, Duration: rec.Duration})
	}}
	defer e.Root.Forget("/")
	return r.Run(ctx, c)
}

// Note tells the readers of events something. Fields are for the journal.
func (e *Env) Note(ctx context.Context, text string, fields map[string]string) {
	e.events.emit(Event{Kind: Noted, Op: opOf(ctx), Text: text, Fields: fields})
}

// Warn tells the user something.
func (e *Env) Warn(ctx context.Context, text string) {
	e.events.emit(Event{Kind: Warned, Op: opOf(ctx), Text: text})
}

// CheckWritable returns an error, unix.EROFS, when the file system on which a path is
// or would be takes no changes.
func (e *Env) CheckWritable(name string) error {
	dir := path.Dir(name)
	e.mu.Lock()
	err, known := e.readOnly[dir]
	e.mu.Unlock()
	if known {
		return err
	}
	entry, err := e.Root.Entry(path.Join(dir, "x"))
	switch {
	case (errors.Is(err, unix.ENOENT) || errors.Is(err, sysroot.ErrNotDirectory)) && dir != "/":
		err = e.CheckWritable(dir)
	case err != nil:
		return err
	default:
		isReadOnly := false
		isReadOnly, err = entry.IsReadOnly()
		entry.Close()
		if err == nil && isReadOnly {
			err = unix.EROFS
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.readOnly == nil {
		e.readOnly = map[string]error{}
	}
	e.readOnly[dir] = err
	return err
}
