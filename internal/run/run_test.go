package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
