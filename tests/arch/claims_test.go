package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// tableRow is a row of a table: a name first, the folder and the name of a test last.
var tableRow = regexp.MustCompile("^\\| ([^ |]+) \\|.* `([^`]*)` `([^`]*)` \\|$")

// claims are the names in the first column of the tables of a document. Each must have a
// test that there is.
func claims(t *testing.T, document string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(programs.Root(t), document))
	if err != nil {
		t.Fatal(err)
	}
	sources, named := map[string]string{}, map[string]bool{}
	isTable := false
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		wasTable := isTable
		isTable = strings.HasPrefix(line, "|")
		if !wasTable || !isTable || strings.HasPrefix(line, "|---") { // the first line has the titles
			continue
		}
		row := tableRow.FindStringSubmatch(line)
		if row == nil {
			t.Errorf("%s: no test in %s", document, line)
			continue
		}
		if sources[row[2]] == "" {
			sources[row[2]] = testsOf(t, row[2])
		}
		if named[row[1]] = true; !hasTest(sources[row[2]], row[3]) {
			t.Errorf("%s: %s: %s has no test %s", document, row[1], row[2], row[3])
		}
	}
	return named
}

// testsOf is the source of all tests in a folder.
func testsOf(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(programs.Root(t), folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

// hasTest reports whether there is a test of a name, or a case of one.
func hasTest(source, name string) bool {
	return strings.Contains(source, "func "+name+"(") || strings.Contains(source, `"`+name+`"`)
}

// TestEveryScenarioHasATest: each row of docs/scenarios.md names a test that there is, and
// no scenario of the list beside the project is missing.
func TestEveryScenarioHasATest(t *testing.T) {
	named := claims(t, "docs/scenarios.md")
	list, err := os.ReadFile(filepath.Join(programs.Root(t), "../shared/spec/blackbox-scenarios.md"))
	if err != nil {
		t.Skip("the list of scenarios is not beside the project")
	}
	scenario := regexp.MustCompile(`^\| ([A-Za-z][\w.#-]+)( \(sic\))? \| ([\d.]+|–) \|`)
	area := regexp.MustCompile(`^\| ([A-Za-z][A-Za-z -]+) \|`)
	known, isGap := 0, false
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "## ") {
			isGap = strings.Contains(line, "Gaps")
		}
		if m := area.FindStringSubmatch(line); m != nil && isGap && m[1] != "Area" {
			prefix := strings.ToLower(strings.ReplaceAll(m[1], " ", "-")) + "."
			has := false
			for name := range named {
				has = has || strings.HasPrefix(name+".", prefix)
			}
			if !has {
				t.Errorf("docs/scenarios.md has nothing of the area %s", m[1])
			}
		}
		if m := scenario.FindStringSubmatch(line); m != nil {
			if known++; !named[m[1]] {
				t.Errorf("docs/scenarios.md has no %s", m[1])
			}
		}
	}
	if known < 180 {
		t.Errorf("the list has %d scenarios", known)
	}
}

// TestEveryPromiseHasATest: docs/contract.md has each point of the contract and each
// weakness that concerns the engine, with a test that there is, or says that it is not done.
func TestEveryPromiseHasATest(t *testing.T) {
	named := claims(t, "docs/contract.md")
	want := map[string][2]int{"C": {1, 18}, "W": {7, 26}}
	for kind, numbers := range want {
		for n := numbers[0]; n <= numbers[1]; n++ {
			if name := fmt.Sprintf("%s%d", kind, n); !named[name] {
				t.Errorf("docs/contract.md has no %s", name)
			}
		}
	}
	for _, name := range []string{"W1", "W2", "W31", "W32", "W33", "W34", "W35", "W36"} {
		if !named[name] {
			t.Errorf("docs/contract.md has no %s", name)
		}
	}
}

// TestConfigIsDeletedBeforeTheSystemStarts: users mask the unit by its name.
func TestConfigIsDeletedBeforeTheSystemStarts(t *testing.T) {
	unit, err := os.ReadFile(filepath.Join(programs.Root(t), "systemd/ignition-delete-config.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"ConditionFirstBoot=true", "Before=sysinit.target", "ExecStart=/usr/libexec/ignition-rmcfg --platform=${PLATFORM_ID}", "WantedBy=sysinit.target"} {
		if !strings.Contains(string(unit), "\n"+line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
}
