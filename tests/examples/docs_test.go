package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// block is a fenced block of a page: its language and its text.
var block = regexp.MustCompile("(?ms)^```(yaml|json)\n(.*?)^```$")

// TestConfigsInDocs: whoever copies a whole config from a page gets one that works.
func TestConfigsInDocs(t *testing.T) {
	root := programs.Root(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, filepath.Join(root, "README.md"))
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range block.FindAllStringSubmatch(string(text), -1) {
			language, config := match[1], match[2]
			var cmd *exec.Cmd
			switch {
			case language == "yaml" && strings.HasPrefix(config, "variant:"):
				cmd = exec.Command(programs.Path(t, "butane"), "--strict", "--check")
			case language == "json" && strings.Contains(config, `"ignition"`):
				cmd = exec.Command(programs.Path(t, "ignition-validate"), "-")
			default:
				continue
			}
			found++
			cmd.Stdin = strings.NewReader(config)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v\n%s\n%s", filepath.Base(page), err, out, config)
			}
		}
	}
	if found == 0 {
		t.Error("no config found: do the pages have none, or does this test not see them?")
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinksInDocs: links to files of the project lead somewhere.
func TestLinksInDocs(t *testing.T) {
	root := programs.Root(t)
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "examples/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), match[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(page), match[1])
			}
		}
	}
}
