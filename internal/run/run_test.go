package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tool puts a shell script on PATH.
func tool(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestFailureKeepsWhatTheToolSaidWithoutSecrets(t *testing.T) {
	tool(t, "kindling-tool", `echo out; echo "bad: $2" >&2; exit 7`)
	var told []Record
	r := Runner{Report: func(_ context.Context, rec Record) { told = append(told, rec) }}
	_, err := r.Run(t.Context(), Command{
		Name: "kindling-tool", Args: []string{"--password", "hush"}, Secrets: []string{"hush", ""},
	})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if e.ExitCode() != 7 || e.Said() != "bad: [secret]; out" {
		t.Errorf("status %d, said %q", e.ExitCode(), e.Said())
	}
	if got := Quote(told[0].Argv); len(told) != 1 || got != `"kindling-tool" "--password" "[secret]"` {
		t.Errorf("reported %s", got)
	}
}

func TestToolThatIsMissing(t *testing.T) {
	_, err := Runner{}.Run(t.Context(), Command{Name: "kindling-no-such-tool"})
	if !errors.Is(err, ErrMissing) {
		t.Errorf("error %v", err)
	}
}

func TestInputAndOutput(t *testing.T) {
	tool(t, "kindling-tool", `cat; yes | head -c 200000 >&2`)
	out, err := Runner{}.Run(t.Context(), Command{Name: "kindling-tool", Stdin: strings.NewReader("user:hash")})
	if err != nil || out != "user:hash" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestEndOfContextEndsTheTool(t *testing.T) {
	tool(t, "kindling-tool", `sleep 1000`)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	if _, err := (Runner{}).Run(ctx, Command{Name: "kindling-tool"}); !errors.Is(err, reason) {
		t.Errorf("error %v", err)
	}
}

func TestLineQuotesWhatAShellWould(t *testing.T) {
	got := Line([]string{"useradd", "--comment", "it's me", "--password", "*", "core"})
	if want := `useradd --comment 'it'\''s me' --password '*' core`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestToolThatHangsIsEndedWithAllItStarted(t *testing.T) {
	child := filepath.Join(t.TempDir(), "child")
	tool(t, "kindling-tool", `yes "much of it" | head -c 200000; echo "the last words"; sleep 1000 & echo $! >"$1"; exec sleep 1000`)
	t.Setenv("IGNITION_TOOL_TIMEOUT", "2s")
	_, err := Runner{}.Run(t.Context(), Command{Name: "kindling-tool", Args: []string{child}, Limit: time.Hour})
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrHangs) || e.Error() != "kindling-tool: after 2s it hangs, and was ended" {
		t.Fatalf("error %v", err)
	}
	if said := e.Said(); !strings.HasSuffix(said, "the last words") || len(said) > 2*maxSaid {
		t.Errorf("%d bytes are kept", len(said))
	}
	text, err := os.ReadFile(child)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); isRunning(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what the tool has started goes on")
		}
	}
}

func TestToolThatLeavesSomethingBehindHasSucceeded(t *testing.T) {
	tool(t, "kindling-tool", `sleep 1000 & echo $!`)
	out, err := Runner{}.Run(t.Context(), Command{Name: "kindling-tool"})
	pid, noPID := strconv.Atoi(strings.TrimSpace(out))
	if err != nil || noPID != nil {
		t.Fatalf("%q, %v", out, err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it is there
	if !isRunning(pid) {
		t.Error("what the tool has started was ended")
	}
}

// isRunning reports whether a process is there, and is not only waiting for its parent.
func isRunning(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, env string
		command   Command
		want      time.Duration
	}{
		{"a tool has its own limit", "", Command{Name: "cryptsetup"}, 15 * time.Minute},
		{"a call may take longer", "", Command{Name: "cryptsetup", Limit: WholeDevice}, WholeDevice},
		{"a tool that nobody knows has one too", "", Command{Name: "is-live-image"}, otherLimit},
		{"the environment replaces them", "90s", Command{Name: "mkfs.xfs", Limit: WholeDevice}, 90 * time.Second},
		{"an environment that is no duration is an error", "soon", Command{}, 0},
		{"so is one that leaves no time", "-1s", Command{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(limitEnv, c.env)
			got, err := LimitOf(c.command)
			if got != c.want || (err != nil) != (c.want == 0) {
				t.Errorf("%v, %v, want %v", got, err, c.want)
			}
		})
	}
}
