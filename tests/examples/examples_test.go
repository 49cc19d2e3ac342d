// Package examples translates every document below examples/ and judges the result.
package examples

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

var update = flag.Bool("update", false, "rewrite the configs beside the documents")

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

func TestExamples(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(programs.Root(t), "examples", "*.bu"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("no examples found: %v", err)
	}
	butane := programs.Path(t, "butane")
	validate := programs.Path(t, "ignition-validate")
	for _, document := range documents {
		base := strings.TrimSuffix(document, ".bu")
		t.Run(filepath.Base(base), func(t *testing.T) {
			args := []string{"--strict", "--pretty"}
			if info, err := os.Stat(base); err == nil && info.IsDir() {
				args = append(args, "--files-dir", base)
			}
			got := said(t, exec.Command(butane, append(args, document)...))
			if *update {
				if err := os.WriteFile(base+".ign", got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(base + ".ign")
			if err != nil {
				t.Fatalf("%v (make golden writes it)", err)
			}
			if got, want := unpacked(t, got), unpacked(t, want); got != want {
				t.Errorf("the config is another one (make golden rewrites it)\ngot:\n%s\nwant:\n%s", got, want)
			}
			said(t, exec.Command(validate, base+".ign"))
		})
	}
}

// TestEveryExampleIsExplained: the index of the examples lists them all.
func TestEveryExampleIsExplained(t *testing.T) {
	dir := filepath.Join(programs.Root(t), "examples")
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(dir, "*.bu"))
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range documents {
		if name := filepath.Base(document); !bytes.Contains(index, []byte("("+name+")")) {
			t.Errorf("examples/README.md has no link to %s", name)
		}
	}
}

// said returns the standard output of a program that has to succeed and to warn of
// nothing.
func said(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes()
}

var packed = regexp.MustCompile(`"data:;base64,(H4sI[^"]*)"`)

// unpacked replaces compressed contents by what they hold: another release of
// compress/gzip may pack them in another way.
func unpacked(t *testing.T, config []byte) string {
	t.Helper()
	return string(packed.ReplaceAllFunc(config, func(url []byte) []byte {
		raw, err := base64.StdEncoding.DecodeString(string(packed.FindSubmatch(url)[1]))
		if err != nil {
			t.Fatal(err)
		}
		reader, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Appendf(nil, "gzip of %q", content)
	}))
}
