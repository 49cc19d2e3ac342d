package golden

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/rulebook/archive"
)

// Each file of validate/ names a rule, and has an Ignition config that breaks it, in
// the text form of ignition-validate and as JSON.
func TestValidate(t *testing.T) {
	covered := map[string]bool{}
	eachArchive(t, "validate", func(t *testing.T, _ string, a *archive.Archive) {
		rule := strings.TrimSpace(strings.TrimPrefix(a.Comment, "rule: "))
		covered[rule] = true
		_, found := config.Parse(source.NewFile("config.ign", []byte(input(t, a))))
		broken := false
		for _, d := range found {
			broken = broken || d.Rule.ID == rule
		}
		if !broken {
			t.Errorf("the config does not break rule %s", rule)
		}
		var printed, asJSON bytes.Buffer
		if err := reports.Text(&printed, found, reports.Options{Style: reports.LinesWithExcerpts, ByteColumns: true}); err != nil {
			t.Fatal(err)
		}
		if err := reports.JSON(&asJSON, found); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(printed.String()+asJSON.String(), "hidden\"") {
			t.Error("a secret is shown")
		}
		a.Set("text", printed.String())
		a.Set("json", asJSON.String())
	})
	for _, rule := range rules(t, filepath.Join("..", "..", "config")) {
		if reason := notOfJSON[rule]; !covered[rule] && reason == "" && !strings.HasPrefix(rule, "cloud-config-") {
			t.Errorf("rule %s has no golden file", rule)
		}
	}
}

// notOfJSON are the rules that no Ignition config of spec 3 can break.
var notOfJSON = map[string]string{
	"older-spec":             "its goldens are in config/legacy",
	"container-linux-config": "its goldens are in config/legacy",
	"docker-flags":           "Butane has the section",
	"dynamic-data":           "Butane has the section",
	"etcd":                   "Butane has the section",
	"flannel":                "Butane has the section",
	"kubernetes":             "Butane has the section",
	"locksmith":              "Butane has the section",
	"update":                 "Butane has the section",
	"merge-key":              "merge keys are of YAML",
}
