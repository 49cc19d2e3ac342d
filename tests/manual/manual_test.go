// Package manual checks the manual pages and the completions of shells that
// scripts/manual makes: by the formatters and the shells themselves.
package manual

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

var (
	once sync.Once
	made string // directory with what scripts/manual wrote
)

// share makes the pages and completions, and returns where they are.
func share(t *testing.T) string {
	t.Helper()
	bin := filepath.Dir(programs.Path(t, "butane"))
	for _, name := range []string{"ignition", "ignition-apply", "ignition-rmcfg", "ignition-validate"} {
		programs.Path(t, name)
	}
	once.Do(func() {
		made = filepath.Join(bin, "share")
		cmd := exec.Command("go", "run", "./scripts/manual", "-bin", bin, "-o", made)
		cmd.Dir = programs.Root(t)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	})
	return made
}

// files returns what was made, by a pattern.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(share(t), filepath.FromSlash(pattern)))
	if err != nil || len(found) == 0 {
		t.Fatalf("nothing was made: %v", err)
	}
	return found
}

// TestPagesAreWellFormed: nothing that a formatter could say about a page is left.
func TestPagesAreWellFormed(t *testing.T) {
	for _, tool := range [][]string{
		{"mandoc", "-Tlint", "-W", "warning"},
		{"groff", "-ww", "-z", "-man", "-Tutf8"},
		{"man", "--warnings", "-E", "UTF-8", "-l"},
	} {
		t.Run(tool[0], func(t *testing.T) {
			programs.Need(t, tool[0])
			for _, page := range files(t, "man/man1/*.1") {
				cmd := exec.Command(tool[0], append(tool[1:], page)...)
				cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80")
				var said strings.Builder
				cmd.Stderr = &said
				if tool[0] == "mandoc" { // others print the page there
					cmd.Stdout = &said
				}
				if err := cmd.Run(); err != nil || said.Len() > 0 {
					t.Errorf("%s: %v\n%s", filepath.Base(page), err, said.String())
				}
			}
		})
	}
}

// TestPagesHaveAllOptions: what --help lists is in the page, and what has a page is in
// the pages' list.
func TestPagesHaveAllOptions(t *testing.T) {
	for page, options := range map[string][]string{
		"butane":            {`\-\-files\-dir`, `\-\-raw\-errors`, `\-\-lint`, "sarif"},
		"ignition":          {`\-\-stage`, `\-\-config\-cache`, `fetch\-offline`},
		"ignition-plan":     {`\-\-format`, `\-\-ignore\-unsupported`},
		"ignition-validate": {`\-\-format`, "github"},
		"ignition-rmcfg":    {`\-\-log\-to\-stdout`, "virtualbox"},
	} {
		text, err := os.ReadFile(filepath.Join(share(t), "man", "man1", page+".1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range options {
			if !strings.Contains(string(text), o) {
				t.Errorf("the page of %s lacks %s", page, o)
			}
		}
	}
}

func TestShellsReadTheCompletions(t *testing.T) {
	for shell, pattern := range map[string]string{
		"bash": "bash-completion/completions/*", "zsh": "zsh/site-functions/*", "fish": "fish/vendor_completions.d/*",
	} {
		t.Run(shell, func(t *testing.T) {
			programs.Need(t, shell)
			for _, file := range files(t, pattern) {
				if said, err := exec.Command(shell, "-n", file).CombinedOutput(); err != nil || len(said) > 0 {
					t.Errorf("%s: %v\n%s", file, err, said)
				}
			}
		})
	}
}

// cases are command lines, and words that completing the last one must or must not offer.
var cases = []struct {
	name    string
	words   []string
	want    []string
	without []string
}{
	{"options", []string{"butane", "--f"}, []string{"--files-dir", "--format"}, []string{"--pretty"}},
	{"values of an option", []string{"butane", "--format", "s"}, []string{"sarif"}, []string{"text"}},
	{"values between bars", []string{"butane", "--lint", ""}, []string{"off", "warn", "error"}, []string{"a.bu"}},
	{"documents", []string{"butane", "--strict", "a"}, []string{"a.bu"}, nil},
	{"a directory", []string{"butane", "--files-dir", "f"}, []string{"files"}, nil},
	{"a command", []string{"butane", "ex"}, []string{"explain"}, nil},
	{"ids of rules", []string{"butane", "explain", "tree-"}, []string{"tree-conflict", "tree-entry", "tree-local"}, []string{"variant"}},
	{"subcommands", []string{"ignition", ""}, []string{"plan", "apply", "validate", "rmcfg", "fetch-config", "status", "verdict", "report"}, nil},
	{"stages", []string{"ignition", "--stage", "f"}, []string{"fetch", "fetch-offline", "files"}, []string{"disks"}},
	{"options of a subcommand", []string{"ignition", "plan", "--"}, []string{"--root", "--format"}, []string{"--stage"}},
	{"a config", []string{"ignition", "plan", "b"}, []string{"b.ign"}, nil},
	{"platforms", []string{"ignition-rmcfg", "--platform", "v"}, []string{"vmware", "virtualbox"}, []string{"aws"}},
	{"formats", []string{"ignition-validate", "--format", "g"}, []string{"github"}, []string{"text"}},
}

func TestBashCompletes(t *testing.T) {
	// compopt works only while somebody presses a key
	complete(t, "bash", func(file string, words []string) []string {
		script := `source "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
			"$(complete -p "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')"; printf '%s\n' "${COMPREPLY[@]}"`
		return append([]string{"--norc", "-c", script, "bash", file}, words...)
	}, "bash-completion/completions/%s")
}

func TestFishCompletes(t *testing.T) {
	complete(t, "fish", func(file string, words []string) []string {
		return []string{"--no-config", "-c", "source $argv[1]; complete -C $argv[2] | string split -f 1 \\t; true", file, strings.Join(words, " ")}
	}, "fish/vendor_completions.d/%s.fish")
}

func complete(t *testing.T, shell string, command func(file string, words []string) []string, pattern string) {
	programs.Need(t, shell)
	dir := t.TempDir()
	for _, name := range []string{"a.bu", "b.ign"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(share(t), filepath.FromSlash(strings.Replace(pattern, "%s", c.words[0], 1)))
			cmd := exec.Command(shell, command(file, c.words)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(share(t))+":"+os.Getenv("PATH"), "HOME="+dir, "TERM=dumb")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %v", cmd, err)
			}
			var offered []string
			for word := range strings.Lines(string(out)) {
				offered = append(offered, strings.TrimSuffix(strings.TrimSpace(word), "/"))
			}
			for _, w := range c.want {
				if !slices.Contains(offered, w) {
					t.Errorf("%q is not offered, only %q", w, offered)
				}
			}
			for _, w := range c.without {
				if slices.Contains(offered, w) {
					t.Errorf("%q is offered", w)
				}
			}
		})
	}
}

// TestEverySubcommandIsCompleted reads the table of subcommands in the source of
// ignition.
func TestEverySubcommandIsCompleted(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(programs.Root(t), "cmd", "ignition", "main.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(share(t), "bash-completion", "completions", "ignition"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "subcommands" {
			return true
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(e.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found++
			if !strings.Contains(string(text), "\n        "+name+")\n") {
				t.Errorf("ignition %s has no completion and no page: add it to the tables of scripts/manual", name)
			}
		}
		return false
	})
	if found == 0 {
		t.Error("there is no table of subcommands")
	}
}

// TestInstall: make install puts everything below DESTDIR and PREFIX.
func TestInstall(t *testing.T) {
	programs.Need(t, "make")
	dir := t.TempDir()
	cmd := exec.Command("make", "-s", "install", "DESTDIR="+dir, "PREFIX=/usr")
	cmd.Dir = programs.Root(t)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, name := range []string{
		"bin/butane", "bin/ignition", "bin/ignition-apply", "bin/ignition-rmcfg", "bin/ignition-validate",
		"share/man/man1/butane.1", "share/man/man1/ignition-plan.1",
		"share/bash-completion/completions/butane", "share/zsh/site-functions/_ignition", "share/fish/vendor_completions.d/ignition-apply.fish",
	} {
		if _, err := os.Stat(filepath.Join(dir, "usr", filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
}
