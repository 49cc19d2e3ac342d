package golden

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy/ignition2"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/rulebook"
	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/tests/programs"
)

const howToAddAPage = `every rule has a page that butane explain prints: write rulebook/pages/%s.txtar.
Its first line says what is wrong, without capital and period; after an empty line follow two to
six sentences on what it means and how to do it right. Then come the files "-- bad.bu --" with a
document that breaks the rule and "-- good.bu --" with the same one put right (.ign for Ignition
configs; .yaml or .json for butane convert; files/... make the files directory). make golden adds what butane says. See the comment
of package rulebook, and any page beside it.`

// TestPages: each page's bad document breaks its rule and says so as the page shows;
// nothing is said about its good one.
func TestPages(t *testing.T) {
	root := programs.Root(t)
	eachArchive(t, filepath.Join(root, "rulebook", "pages"), func(t *testing.T, id string, a *archive.Archive) {
		p := rulebook.Parse(id, a.Format())
		switch {
		case p.Title == "" || strings.HasSuffix(p.Title, ".") || len(p.Title) > 100:
			t.Errorf("the title %q is empty, too long, or ends with a period", p.Title)
		case strings.Count(p.Text, ".") < 2:
			t.Error("the text explains nothing")
		}
		stdout, stderr, _ := example(t, p, "bad")
		if broken := stdout + stderr; p.Command("bad")[0] == "butane" {
			mustBreak(t, id, broken)
		} else if name, text := p.Example("bad"); !breaks(name, text, id) {
			t.Errorf("the bad config does not break the rule:\n%s", broken)
		}
		a.Set("said", stdout+stderr)
		if !strings.Contains(stdout+stderr, " help: ") || !strings.Contains(stdout+stderr, " why: ") {
			t.Error("it is not said why, or what to do: give the rule a Help, or the finding one")
		}
		if _, stderr, status := example(t, p, "good"); status != 0 || strings.Contains(stderr, "error[") || strings.Contains(stderr, "warning[") || stderr != "" && p.Command("good")[1] != "convert" {
			t.Errorf("the good document is not good: status %d\n%s", status, stderr)
		}
	})
}

// example runs one of the examples of a page in a directory of its own.
func example(t *testing.T, p rulebook.Page, kind string) (stdout, stderr string, status int) {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, &p.Archive, dir)
	name, text := p.Example(kind)
	if name == "" {
		t.Fatalf("the page has no %s document", kind)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	command := p.Command(kind)
	cmd := exec.Command(programs.Path(t, command[0]), command[1:]...)
	cmd.Dir = dir
	stdout, stderr, status = run(t, cmd)
	if command[0] == "butane" {
		stdout = "" // the config
	}
	return stdout, stderr, status
}

// breaks reports whether an Ignition config breaks a rule: the lines for scripts do
// not name it.
func breaks(name, text, rule string) bool {
	f := source.NewFile(name, []byte(text))
	_, found := config.Parse(f)
	_, _, _, older := ignition2.Translate(f)
	found = append(found, older...)
	return slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Rule.ID == rule })
}

func TestEveryRuleHasAPage(t *testing.T) {
	root := programs.Root(t)
	var ids []string
	for _, folder := range []string{"config", "transpiler", "internal", "cmd", "dialect"} {
		ids = append(ids, rules(t, filepath.Join(root, folder))...)
	}
	for _, id := range ids {
		if _, ok := rulebook.Find(id); !ok {
			t.Errorf("rule %s has no page: "+howToAddAPage, id, id)
		}
	}
	for _, id := range rulebook.IDs() {
		if !slices.Contains(ids, id) {
			t.Errorf("rulebook/pages/%s.txtar is about a rule that does not exist", id)
		}
	}
}

// TestRulesPage: docs/rules.md is made from the pages. They are read anew: make golden
// may have changed them since this test was built.
func TestRulesPage(t *testing.T) {
	root := programs.Root(t)
	var pages []rulebook.Page
	for _, id := range rulebook.IDs() {
		pages = append(pages, rulebook.Parse(id, read(t, filepath.Join(root, "rulebook", "pages", id+".txtar"))))
	}
	path := filepath.Join(root, "docs", "rules.md")
	compare(t, path, rulebook.Markdown(pages), read(t, path))
}
