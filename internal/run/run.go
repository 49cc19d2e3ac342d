// Package run starts external tools: Find tells whether one is there, Runner.Run
// starts it and waits. Nothing else in the engine starts programs.
//
// Tools get no input but what the Command gives, speak no language but C, and end
// with the context, with this process, or when they have taken longer than they may: each
// has a limit, and none is waited for without one. What they said last is kept.
// Commands are reported as lists of quoted arguments in which Secrets are blacked
// out; secrets belong on standard input all the same, since arguments can be read by
// every process of the machine.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxSaid is how many bytes of each output of a tool are kept.
const maxSaid = 64 << 10

// afterEnd is how long the outputs of a tool that has ended, or was killed, are waited for:
// something it started may hold them open. After twice that a killed tool that is still
// there is left behind: it waits in the kernel for a device that does not answer.
const afterEnd = 5 * time.Second

// ErrMissing is the cause of the error when a tool is not installed.
var ErrMissing = errors.New("the program is not installed")

// Command is one call of a tool.
type Command struct {
	// Name of the program, looked up in PATH.
	Name string
	Args []string
	// Stdin is what the program reads; empty if nil.
	Stdin io.Reader
	// Secrets never appear in what is reported.
	Secrets []string
	// Limit is how long the call may take; 0 is the usual limit of the program.
	Limit time.Duration
}

// Record is a call that has ended, with secrets blacked out.
type Record struct {
	// Argv is the command with its arguments.
	Argv []string
	// Duration of the call.
	Duration time.Duration
	// Err tells how it failed; nil if it did not.
	Err error
}

// Runner starts tools. The zero Runner reports nothing.
type Runner struct {
	// Report, if set, is told of every call that has ended. It may be called from
	// several goroutines.
	Report func(context.Context, Record)
}

// Error is a tool that failed, or could not be started.
type Error struct {
	// Argv, Stdout and Stderr have their secrets blacked out.
	Argv           []string
	Stdout, Stderr string
	Err            error
}

// Error names the program and how it ended. What it said is in the fields.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Argv[0], e.Err) }

// Unwrap returns how the program ended: an *exec.ExitError, or why it did not start.
func (e *Error) Unwrap() error { return e.Err }

// Said is what the program said, errors first, on one line.
func (e *Error) Said() string {
	var said []string
	for _, text := range []string{e.Stderr, e.Stdout} {
		for l := range strings.Lines(text) {
			if l = strings.TrimSpace(l); l != "" {
				said = append(said, l)
			}
		}
	}
	return strings.Join(said, "; ")
}

// ExitCode is the status the program ended with; -1 if it did not end by itself.
func (e *Error) ExitCode() int {
	var exit *exec.ExitError
	if errors.As(e.Err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// Find returns the path of a program. The error's cause is ErrMissing.
func Find(name string) (string, error) {
	file, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, ErrMissing)
	}
	return file, nil
}

// Run starts a program, waits for its end and returns what it wrote to standard
// output. A failure is an *Error.
func (r Runner) Run(ctx context.Context, c Command) (stdout string, err error) {
	black := blackener(c.Secrets)
	argv := []string{c.Name}
	for _, a := range c.Args {
		argv = append(argv, black(a))
	}
	start := time.Now()
	out, errOut := &capped{}, &capped{}
	err = execute(ctx, c, out, errOut)
	if err != nil {
		err = &Error{Argv: argv, Stdout: black(out.String()), Stderr: black(errOut.String()), Err: err}
	}
	if r.Report != nil {
		r.Report(ctx, Record{Argv: argv, Duration: time.Since(start), Err: err})
	}
	return out.String(), err
}

func execute(ctx context.Context, c Command, stdout, stderr io.Writer) error {
	file, err := Find(c.Name)
	if err != nil {
		return ErrMissing
	}
	ctx, cancel, err := within(ctx, c)
	if err != nil {
		return err
	}
	defer cancel()
	cmd := exec.CommandContext(ctx, file, c.Args...) //nolint:gosec // starting tools by name is the purpose
	cmd.Args[0] = c.Name
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LANG=C")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, stdout, stderr
	cmd.WaitDelay = afterEnd
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true,
		// When this process is killed, a tool that went on would meet the next run.
		Pdeathsig: syscall.SIGKILL,
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	ended := make(chan error, 1)
	go func() {
		// the signal is sent when the starting thread ends: prctl(2), PR_SET_PDEATHSIG
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ended <- cmd.Run()
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(2 * afterEnd):
			return fmt.Errorf("%w; not even killing it helps", context.Cause(ctx))
		}
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if errors.Is(err, exec.ErrWaitDelay) { // it has succeeded, and what it started goes on
		return nil
	}
	return err
}

// Quote writes a command as a list of quoted arguments.
func Quote(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = strconv.Quote(a)
	}
	return strings.Join(quoted, " ")
}

// Line writes a command for people: arguments are quoted where a shell would need it.
func Line(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if a == "" || strings.ContainsFunc(a, func(c rune) bool {
			return !strings.ContainsRune("+-./:=_,@%", c) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
		}) {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func blackener(secrets []string) func(string) string {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "[secret]")
		}
	}
	if pairs == nil {
		return func(s string) string { return s }
	}
	return strings.NewReplacer(pairs...).Replace
}

// capped keeps the last bytes written to it.
type capped struct {
	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data = append(c.data, p...); len(c.data) > 2*maxSaid {
		c.data = append(c.data[:0], c.data[len(c.data)-maxSaid:]...)
	}
	return len(p), nil
}

// String returns them.
func (c *capped) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.data[max(0, len(c.data)-maxSaid):])
}
