package conformance

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/kindling-boot/kindling/tests/programs"
)

// variants are the variants of Butane that are implemented; "-" are documents without
// a usable one.
var variants = map[string]bool{"fcos": true, "flatcar": true, "r4e": true, "fiot": true, "openshift": true, "-": true}

type butaneCase struct {
	ID       string   `json:"id"`
	Variant  string   `json:"variant"`
	Input    string   `json:"input"`
	InputB64 []byte   `json:"input_b64"`
	Flags    []string `json:"flags"`
	FilesDir bool     `json:"files_dir"`
	Exit     int      `json:"exit"`
	Format   string   `json:"format"`
	Stdout   string   `json:"stdout"`
	Report   []struct {
		Kind   string `json:"kind"`
		Line   int    `json:"line"`
		Column int    `json:"column"`
		Path   string `json:"path"`
	} `json:"report"`
}

func (c butaneCase) bytes() []byte {
	if c.InputB64 != nil {
		return c.InputB64
	}
	return []byte(c.Input)
}

// finding is an entry with the path of what it is about.
type finding struct {
	entry
	path string
}

var (
	// blockEntry is the start of an entry with an excerpt.
	blockEntry = regexp.MustCompile(`(?m)^(error|warning|info)\[(.*?)\]:.*\n(?: *--> .*?:(\d+):(\d+)(?:\s+(\S*))?\n)?`)
	lineEntry  = regexp.MustCompile(`(?m)^(error|warning|info)(?: at (?:(\$.*?), )?line (\d+) col (\d+)| at (\$.*?))?: `)
)

// butaneFindings reads either form of findings, without those of lint rules.
func butaneFindings(text []byte) []finding {
	var out []finding
	number := func(digits []byte) int {
		n, _ := strconv.Atoi(string(digits)) // absent or digits, by the patterns
		return n
	}
	for _, m := range lineEntry.FindAllSubmatch(text, -1) {
		out = append(out, finding{entry{string(m[1]), number(m[3]), number(m[4])}, plainPath(string(m[2]) + string(m[5]))})
	}
	for _, m := range blockEntry.FindAllSubmatch(text, -1) {
		if !strings.HasPrefix(string(m[2]), "lint-") {
			out = append(out, finding{entry{string(m[1]), number(m[3]), number(m[4])}, plainPath(string(m[5]))})
		}
	}
	return out
}

var index = regexp.MustCompile(`\[(\d+)\]`)

// plainPath writes a path in one way for both syntaxes and both tools: as in
// storage.files.0.typeguid.
func plainPath(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	path = strings.TrimPrefix(path, "spec.config.") // the config in a MachineConfig
	path = index.ReplaceAllString(path, ".$1")
	return strings.ToLower(strings.ReplaceAll(path, "_", ""))
}

// betterPositions are the kinds of positions that are better here, by their names in
// deviations.txt. Each tells whether it explains what the reference says and we do
// not (missing), and the other way round.
var betterPositions = map[string]func(missing, extra []finding) bool{
	// The reference looks the path up in the wrong document: in the MachineConfig, or
	// in the user's where sugar had moved it. Here it is the value that is meant.
	"same-value": func(missing, extra []finding) bool {
		paths := func(l []finding) map[finding]bool {
			m := map[finding]bool{}
			for _, f := range l {
				f.path = numbers.ReplaceAllString(keys.ReplaceAllString(f.path, "$1"), "")
				m[finding{entry{Kind: f.Kind}, f.path}] = true
			}
			return m
		}
		return reflect.DeepEqual(paths(missing), paths(extra))
	},
	// Sugar asked for the value. The reference gives the nearest section that is in
	// the document. Here it is the key of the sugar.
	"sugar-key": func(missing, extra []finding) bool {
		for _, f := range extra {
			if !strings.HasPrefix(f.path, "bootdevice") {
				return false
			}
		}
		return len(missing) > 0 && len(extra) > 0
	},
	// The reference gives a place inside of an inline config as one of the document
	// around it. Here it is the inline text.
	"inline-config": func(missing, extra []finding) bool {
		for _, f := range missing {
			if f.path != "" && f.path != "ignition.version" {
				return false
			}
		}
		for _, f := range extra {
			if !strings.HasSuffix(f.path, ".inline") {
				return false
			}
		}
		return true
	},
	// The reference does not look into local configs. Here what is wrong with one is
	// reported where the document names it.
	"local-config": func(missing, extra []finding) bool {
		for _, f := range extra {
			if !strings.HasSuffix(f.path, ".local") {
				return false
			}
		}
		return len(missing) == 0
	},
}

// numbers matches indexes: sugar moves items.
var numbers = regexp.MustCompile(`\.\d+`)

// keys matches a path that the reference makes up for the key file of a volume.
var keys = regexp.MustCompile(`^(storage\.luks\.\d+)\.keys$`)

// without returns the findings of one list at places that the other has none at.
func without(l, other []finding) []finding {
	at := map[entry]bool{}
	for _, f := range other {
		at[f.entry] = true
	}
	var out []finding
	for _, f := range l {
		if !at[f.entry] {
			out = append(out, f)
		}
	}
	return out
}

// sameOutput compares what was printed by its format.
func sameOutput(format string, got, want []byte) (bool, error) {
	parse := parseJSON
	switch format {
	case "none":
		return len(bytes.TrimSpace(got)) == 0, nil
	case "yaml":
		parse = func(text []byte) (v any, err error) { return v, yaml.Unmarshal(text, &v) }
	}
	g, err := parse(got)
	if err != nil {
		return false, fmt.Errorf("the output is not %s: %w", format, err)
	}
	w, err := parse(want)
	if err != nil {
		return false, fmt.Errorf("the expected output is not %s: %w", format, err)
	}
	return reflect.DeepEqual(unpacked(g), unpacked(w)), nil
}

// links are the symbolic links of the files directory. Not every copy of the data
// keeps them: some have files that hold the target.
var links = []string{"linked-tree", "links/abs", "links/dangling", "links/dir", "site/etc/app/current"}

// workingDirectory returns a directory with the files directory as it was recorded.
func workingDirectory(t *testing.T, recorded string) string {
	t.Helper()
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	source := filepath.Join(recorded, "files")
	err := filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		to := filepath.Join(files, name)
		switch {
		case d.IsDir():
			return os.Mkdir(to, 0o755)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if slices.Contains(links, filepath.ToSlash(name)) {
			return os.Symlink(string(text), to)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, info.Mode().Perm()|0o200)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestButane(t *testing.T) {
	dir := data(t, "butane")
	cases := readCases[butaneCase](t, filepath.Join(dir, "cases.jsonl"))
	path := programs.Path(t, "butane")
	work := workingDirectory(t, dir)
	var ids []string
	for _, c := range cases {
		ids = append(ids, c.ID)
	}
	s := newSuite(t, ids)
	t.Run("cases", func(t *testing.T) {
		notRun := map[string]int{}
		for _, c := range cases {
			if !variants[c.Variant] {
				notRun[c.Variant]++
				continue
			}
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				args := append([]string(nil), c.Flags...)
				if c.FilesDir {
					args = append(args, "-d", "files")
				}
				cmd := exec.Command(path, args...)
				cmd.Dir = work
				cmd.Stdin = bytes.NewReader(c.bytes())
				stdout, stderr, exit := runProgram(t, cmd)

				got := butaneFindings(stderr)
				var want []finding
				for _, e := range c.Report {
					want = append(want, finding{entry{Kind: e.Kind, Line: e.Line, Col: e.Column}, plainPath(e.Path)})
				}
				missing, extra := without(want, got), without(got, want)
				o := outcome{got: extra, want: missing}
				for name, explains := range betterPositions {
					if explains(missing, extra) {
						o.better = append(o.better, name)
					}
				}
				same, err := sameOutput(c.Format, stdout, []byte(c.Stdout))
				o.same = same && exit == c.Exit
				// a document that could not be decoded has no report to compare with
				o.positions = c.Exit != 0 && len(c.Report) == 0 || len(missing)+len(extra) == 0
				o.details = fmt.Sprintf("exit %d, should be %d; output as wanted: %t %v\n%s\nstdout: %s\nwanted: %s\nstderr: %s",
					exit, c.Exit, same, err, c.Input, stdout, c.Stdout, stderr)
				s.judge(t, c.ID, o)
			})
		}
		for variant, n := range notRun {
			t.Logf("%d cases of variant %s are not run yet", n, variant)
		}
	})
	s.finish(t)
}
