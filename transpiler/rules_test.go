package transpiler

import (
	"regexp"
	"testing"
)

func TestRules(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, r := range Rules() {
		switch {
		case !form.MatchString(r.ID):
			t.Errorf("%q is no rule id", r.ID)
		case seen[r.ID]:
			t.Errorf("two rules have the id %s", r.ID)
		case r.Why == "":
			t.Errorf("rule %s does not say why", r.ID)
		}
		seen[r.ID] = true
	}
}
