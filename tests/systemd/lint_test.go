// Package systemd compares what lint says about unit files with what the systemd of
// the machine says about them.
package systemd

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/lint"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// unitsDir is where packages put their units.
const unitsDir = "/usr/lib/systemd/system"

// need skips the test when something of systemd is missing; in CI it fails.
func need(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this needs systemd: %v", err)
		}
		t.Skipf("this needs systemd: %v", err)
	}
}

// findings translates a document that has the unit, or the drop-in of one, from a
// local file, and returns what lint says. ok is false when the unit is refused.
func findings(t *testing.T, dir, file, unit string, dropin bool) (found diag.List, ok bool) {
	t.Helper()
	files, err := sugar.OpenFilesDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	document := "variant: fcos\nversion: 1.5.0\nsystemd:\n  units:\n"
	if dropin {
		document += fmt.Sprintf("    - name: %q\n      dropins:\n        - {name: a.conf, contents_local: %q}\n", unit, file)
	} else {
		document += fmt.Sprintf("    - {name: %q, contents_local: %q}\n", unit, file)
	}
	_, outcome, all := transpiler.Translate(source.NewFile("document", []byte(document)), transpiler.Options{Files: files, Lint: true})
	for _, d := range all {
		if lint.Is(&d) {
			found = append(found, d)
		}
	}
	return found, outcome == transpiler.Translated
}

func text(found diag.List) string {
	var b bytes.Buffer
	_ = reports.Text(&b, found, reports.Options{}) // a buffer takes everything
	return b.String()
}

func TestNothingIsSaidAboutUnitsOfPackages(t *testing.T) {
	need(t, unitsDir)
	looked, refused := 0, 0
	err := filepath.WalkDir(unitsDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(unitsDir, path)
		if err != nil {
			return err
		}
		unit, dropin := name, false
		if dir, file := filepath.Split(name); dir != "" {
			if unit, dropin = strings.CutSuffix(filepath.Clean(dir), ".d"); !dropin || filepath.Ext(file) != ".conf" {
				return nil
			}
			if !strings.Contains(unit, ".") { // for all units of a type
				unit = "any." + unit
			}
		}
		found, ok := findings(t, unitsDir, name, unit, dropin)
		switch {
		case !ok:
			refused++
		case len(found) > 0:
			t.Errorf("%s", text(found))
		}
		looked++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 50 || refused > looked/20 {
		t.Errorf("looked at %d units, of which %d are refused", looked, refused)
	}
	t.Logf("%d units, %d are refused", looked, refused)
}

func TestEveryDirectiveOfSystemdIsKnown(t *testing.T) {
	const systemd = "/lib/systemd/systemd"
	need(t, systemd)
	items, err := exec.Command(systemd, "--dump-configuration-items").Output()
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]*strings.Builder{}
	section, count := "", 0
	for line := range strings.Lines(string(items)) {
		line = strings.TrimSpace(line)
		key, kind, isKey := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
			sections[section] = &strings.Builder{}
		case isKey && section != "":
			value := "" // drops what was given before: always fine
			if kind == "BOOLEAN" {
				value = "yes"
			}
			count++
			fmt.Fprintf(sections[section], "%s=%s\n", key, value)
		}
	}
	if count < 1000 {
		t.Fatalf("systemd lists %d directives only", count)
	}
	dir := t.TempDir()
	for section, keys := range sections {
		extension := strings.ToLower(section)
		if section == "Unit" || section == "Install" {
			extension = "target"
		}
		file := "all." + extension
		if err := os.WriteFile(filepath.Join(dir, file), []byte("["+section+"]\n"+keys.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		found, ok := findings(t, dir, file, file, true)
		if !ok {
			t.Errorf("section %s is refused", section)
		}
		if len(found) > 0 {
			t.Errorf("section %s:\n%s", section, text(found))
		}
	}
}

// units have the mistakes that systemd-analyze reports while it reads a unit.
var units = map[string]string{
	"fine.service":     "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[X-Mine]\nA=b\n[Install]\nWantedBy=multi-user.target\n",
	"keys.service":     "[Unit]\nDescriptionn=x\nRestart=no\n[Service]\nExecStart=/bin/true \\\n  -x=y\n# a comment\nexecstop=/bin/true\nX-Key=1\nMemoryMaximum=1G\nEnviron=A=b\nUsr=x\n[Install]\nWantedBy=multi-user.target\n",
	"sections.service": "[Service]\nExecStart=/bin/true\n[Servicee]\nExecStartt=/bin/true\n[Timer]\nOnBootSec=1\n[unit]\nDescription=x\n",
	"lines.service":    "Description=early\n[Service]\nExecStart=/bin/true\n; comment\n",
	"keys.timer":       "[Timer]\nOnBootSec=1min\nOnBoot=1min\nPersistentt=yes\nUnit=fine.service\n",
	"keys.socket":      "[Socket]\nListenStream=127.0.0.1:9\nListen=1\nAccept=maybe\nService=fine.service\n",
	"keys.path":        "[Path]\nPathExists=/x\nPathExist=/y\nUnit=fine.service\n[Mount]\nWhat=/dev/x\n",
	"keys.target":      "[Unit]\nDescription=x\nWantz=y\n[Target]\nA=b\n",
	"keys.slice":       "[Slice]\nCPUWeight=100\nCPUWeigth=100\nExecStart=/bin/true\n",
	"tmp-x.mount":      "[Mount]\nWhat=/dev/x\nWhere=/tmp/x\nWher=/tmp/y\nLazyUnmount=perhaps\n",
	"values.service":   "[Unit]\nDefaultDependencies=never\n[Service]\nType=onshot\nRestart=allways\nKillMode=all\nNotifyAccess=everybody\nExecStart=/bin/true\nNoNewPrivileges=maybe\nExecStop=bin/true\n",
}

// said are the messages of systemd-analyze that lint repeats: file, line, what.
var said = regexp.MustCompile(`(?m)^(\S+):(\d+): (Unknown key (?:name )?'|Unknown section '|Assignment outside of section|Failed to parse|Neither a valid executable name|.*is not absolute)`)

func TestLintSaysWhatSystemdSays(t *testing.T) {
	dir := write(t, units)
	for name := range units {
		t.Run(name, func(t *testing.T) {
			out := verify(t, filepath.Join(dir, name))
			want := map[string]bool{}
			for _, m := range said.FindAllStringSubmatch(out, -1) {
				if filepath.Base(m[1]) == name {
					want[m[2]] = true
				}
			}
			found, ok := findings(t, dir, name, name, false)
			if !ok {
				t.Fatal("the unit is refused")
			}
			got := map[string]bool{}
			for _, d := range found {
				got[fmt.Sprint(d.Inside.Position().Line)] = true
			}
			if g, w := keys(got), keys(want); !slices.Equal(g, w) {
				t.Errorf("lint speaks of the lines %v, systemd of %v\n%s\n%s", g, w, text(found), out)
			}
		})
	}
}

// write puts units into a directory.
func write(t *testing.T, units map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range units {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// verify returns what systemd says about a unit. That it fails for one that it refuses
// is no problem.
func verify(t *testing.T, path string) string {
	t.Helper()
	const analyze = "/usr/bin/systemd-analyze"
	need(t, analyze)
	out, _ := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput()
	return string(out)
}

func keys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// refused are units as a whole; systemd refuses those whose name starts with bad.
var refused = map[string]string{
	"good.service":        "[Service]\nExecStart=/bin/true\n",
	"good-two.service":    "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/true\n",
	"good-stop.service":   "[Service]\nRemainAfterExit=yes\nExecStop=/bin/true\n",
	"good-action.service": "[Unit]\nSuccessAction=none\nSuccessAction=reboot\n[Service]\n",
	"good-reset.service":  "[Service]\nExecStart=/bin/false\nExecStart=\nExecStart=/bin/true\n",
	"bad-empty.service":   "[Service]\nUser=root\n",
	"bad-stop.service":    "[Service]\nExecStop=/bin/true\n",
	"bad-type.service":    "[Service]\nType=exec\nExecStop=/bin/true\n",
	"bad-two.service":     "[Service]\nExecStart=/bin/true\nExecStart=/bin/true\n",
	"bad-dbus.service":    "[Service]\nType=dbus\nExecStart=/bin/true\n",
	"bad-restart.service": "[Service]\nType=oneshot\nRestart=always\nExecStart=/bin/true\n",
	"bad-reset.service":   "[Service]\nExecStart=/bin/true\nExecStart=\n",
	"good.timer":          "[Timer]\nOnBootSec=1min\nUnit=good.service\n",
	"bad.timer":           "[Timer]\nPersistent=yes\nUnit=good.service\n",
	"bad-section.timer":   "[Unit]\nDescription=x\n",
	"good.socket":         "[Socket]\nListenStream=/run/x\nService=good.service\n",
	"bad.socket":          "[Socket]\nService=good.service\n",
	"good.path":           "[Path]\nPathExists=/x\nUnit=good.service\n",
	"bad.path":            "[Path]\nUnit=good.service\n",
	"good-x.mount":        "[Mount]\nWhat=/dev/x\nWhere=/good/x\n",
	"good-unsaid.mount":   "[Mount]\nWhat=/dev/x\n",
	"bad.mount":           "[Mount]\nWhat=/dev/x\nWhere=/x\n",
	"bad-what.mount":      "[Mount]\nWhere=/bad/what\n",
	"good-x.automount":    "[Automount]\nWhere=/good/x\n",
	"bad.automount":       "[Automount]\nWhere=/x\n",
	"good-y\\x2dz.swap":   "[Swap]\nWhat=/good/y-z\n",
	"bad.swap":            "[Swap]\nWhat=/x\n",
}

func TestLintFindsWhatSystemdRefuses(t *testing.T) {
	dir := write(t, refused)
	for name := range refused {
		t.Run(name, func(t *testing.T) {
			out := verify(t, filepath.Join(dir, name))
			bad := strings.Contains(out, "bad unit file setting")
			if want := strings.HasPrefix(name, "bad"); bad != want {
				t.Fatalf("systemd refuses it: %t, should be %t\n%s", bad, want, out)
			}
			found, ok := findings(t, dir, name, name, false)
			if !ok {
				t.Fatal("the unit cannot be translated")
			}
			if (len(found) > 0) != bad {
				t.Errorf("systemd refuses it: %t, lint says\n%s", bad, text(found))
			}
		})
	}
}
