package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// tableRow is a row of a table with the name of a scenario, the folder and the name of its
// test.
var tableRow = regexp.MustCompile("^\\| ([^ |]+) \\| `([^`]*)` `([^`]*)` \\|$")

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
	root := programs.Root(t)
	data, err := os.ReadFile(filepath.Join(root, "docs/scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	sources, named := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| scenario ") {
			continue
		}
		row := tableRow.FindStringSubmatch(line)
		if row == nil {
			t.Errorf("no test in %s", line)
			continue
		}
		if sources[row[2]] == "" {
			sources[row[2]] = testsOf(t, row[2])
		}
		if named[row[1]] = true; !hasTest(sources[row[2]], row[3]) {
			t.Errorf("%s: %s has no test %s", row[1], row[2], row[3])
		}
	}
	list, err := os.ReadFile(filepath.Join(root, "../shared/spec/blackbox-scenarios.md"))
	if err != nil {
		t.Skip("the list of scenarios is not beside the project")
	}
	scenario := regexp.MustCompile(`^\| ([A-Za-z][\w.#-]+)( \(sic\))? \| ([\d.]+|–) \|`)
	known := 0
	for line := range strings.Lines(string(list)) {
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
