package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

// findings are one of each kind: with and without a place, of several lines, with
// related ones, in a file with a difficult name.
func findings() diag.List {
	rule := &diag.Rule{ID: "some-rule", Why: "it matters", Help: "mend it"}
	other := &diag.Rule{ID: "other-rule", Why: "it matters too"}
	f := source.NewFile("dir, one/50%:a.bu", []byte("ä: 日本\nb: [\n]\n"))
	unit := source.NewFile("files/a.service", []byte("[Unit]\nbroken\n"))
	path := source.Path{}.At("storage", "files", 0)
	return diag.List{
		{Rule: rule, Message: "no place\nat all: 100%", Path: path},
		{Rule: rule, Severity: diag.Warning, Message: "wide", At: source.Range{File: f, Start: 4, End: 10}, Path: path, Help: "try, this"},
		{Rule: other, Severity: diag.Info, Message: "two lines", At: source.Range{File: f, Start: 11, End: 16}, Related: []diag.Diagnostic{
			{Rule: other, Message: "one more", At: source.Range{File: f, Start: 0, End: 2}},
		}},
		{Rule: other, Message: "in a unit", At: source.Range{File: f, Start: 0, End: 2}, Inside: unit.LineRange(2)},
	}
}

func printed(t *testing.T, format string, l diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, format, l, Tool{Name: "butane", Version: "v1"}, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGitHub(t *testing.T) {
	want := `::error title=some-rule::no place·at all: 100%25%0Ahelp: mend it
::warning title=some-rule,file=dir%2C one/50%25%3Aa.bu,line=1,endLine=1,col=4,endColumn=6::wide%0Ahelp: try, this
::notice title=other-rule,file=dir%2C one/50%25%3Aa.bu,line=2,endLine=3::two lines
::error title=other-rule,file=dir%2C one/50%25%3Aa.bu,line=1,endLine=1,col=1,endColumn=2::one more
::error title=other-rule,file=files/a.service,line=2,endLine=2,col=1,endColumn=7::in a unit
`
	if got := printed(t, "github", findings()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// sarifLog has the members of a log that its schema requires or that we write; others
// are refused.
type sarifLog struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"` // required
	Runs    []struct {
		ColumnKind string `json:"columnKind"`
		Tool       struct {
			Driver struct {
				Name           string      `json:"name"` // required
				Version        string      `json:"version"`
				InformationURI string      `json:"informationUri"`
				Rules          []sarifRule `json:"rules"`
			} `json:"driver"` // required
		} `json:"tool"` // required
		Results []sarifResult `json:"results"`
	} `json:"runs"` // required
}

type sarifText struct {
	Text string `json:"text"` // required unless there is an id
}

type sarifRule struct {
	ID               string     `json:"id"` // required
	ShortDescription sarifText  `json:"shortDescription"`
	Help             *sarifText `json:"help"`
	HelpURI          string     `json:"helpUri"`
}

type sarifResult struct {
	RuleID    string    `json:"ruleId"`
	RuleIndex *int      `json:"ruleIndex"`
	Level     string    `json:"level"`
	Message   sarifText `json:"message"` // required
	Locations []struct {
		PhysicalLocation *struct {
			ArtifactLocation struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region struct {
				StartLine   int `json:"startLine"`
				StartColumn int `json:"startColumn"`
				EndLine     int `json:"endLine"`
				EndColumn   int `json:"endColumn"`
			} `json:"region"`
		} `json:"physicalLocation"`
		LogicalLocations []struct {
			FullyQualifiedName string `json:"fullyQualifiedName"`
		} `json:"logicalLocations"`
	} `json:"locations"`
}

// TestSARIF checks what the schema of SARIF 2.1.0 demands of the members we write.
func TestSARIF(t *testing.T) {
	dec := json.NewDecoder(strings.NewReader(printed(t, "sarif", findings())))
	dec.DisallowUnknownFields()
	var log sarifLog
	if err := dec.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("the head is not that of a log: %+v", log)
	}
	run := log.Runs[0]
	if d := run.Tool.Driver; d.Name == "" || d.Version == "" || d.InformationURI == "" || len(d.Rules) != 2 {
		t.Errorf("driver: %+v", d)
	}
	if run.ColumnKind != "unicodeCodePoints" {
		t.Errorf("columns count characters, the log says %q", run.ColumnKind)
	}
	if len(run.Results) != 5 {
		t.Errorf("%d results for 4 findings and a related one", len(run.Results))
	}
	var regions []string
	for _, r := range run.Results {
		if r.RuleIndex == nil || run.Tool.Driver.Rules[*r.RuleIndex].ID != r.RuleID {
			t.Errorf("the index does not lead to rule %s", r.RuleID)
		}
		if r.Message.Text == "" || !strings.Contains("error warning note", r.Level) {
			t.Errorf("result: %+v", r)
		}
		for _, l := range r.Locations {
			if p := l.PhysicalLocation; p != nil {
				u, err := url.Parse(p.ArtifactLocation.URI)
				if err != nil {
					t.Fatal(err)
				}
				g := p.Region
				regions = append(regions, fmt.Sprintf("%s %d:%d-%d:%d", u.Path, g.StartLine, g.StartColumn, g.EndLine, g.EndColumn))
			}
		}
	}
	want := []string{"dir, one/50%:a.bu 1:4-1:6", "dir, one/50%:a.bu 2:1-3:1", "dir, one/50%:a.bu 1:1-1:2", "files/a.service 2:1-2:7"}
	if got, want := strings.Join(regions, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("got regions\n%s\nwant\n%s", got, want)
	}
}

func TestNamesAsURIs(t *testing.T) {
	for name, want := range map[string]string{
		"a.bu": "a.bu", "a b.bu": "a%20b.bu", "/srv/a.bu": "file:///srv/a.bu", "<stdin>": "%3Cstdin%3E", "a:b": "./a:b", "ü": "%C3%BC",
	} {
		if got := fileURI(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestNothingFound(t *testing.T) {
	for format, want := range map[string]string{"text": "", "json": "[]\n", "github": ""} {
		if got := printed(t, format, nil); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(printed(t, "sarif", nil)), &log); err != nil || log.Runs[0].Results == nil {
		t.Errorf("a run that found nothing has an empty list of results: %v", err)
	}
	if err := Write(&bytes.Buffer{}, "xml", nil, Tool{}, Options{}); err == nil {
		t.Error("an unknown format is accepted")
	}
}

func TestColorsAreForTerminals(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cases := []struct {
		name          string
		out           *os.File
		term, noColor string
		want          bool
	}{
		{"a terminal", terminal(t), "xterm", "", true},
		{"a terminal that knows no colors", terminal(t), "dumb", "", false},
		{"a terminal of unknown kind", terminal(t), "", "", false},
		{"somebody wants no colors", terminal(t), "xterm", "1", false},
		{"a file", file, "xterm", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			t.Setenv("NO_COLOR", c.noColor)
			if got := Colors(c.out); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
	if Colors(&bytes.Buffer{}) {
		t.Error("memory is no terminal")
	}
}

// terminal opens a terminal that nobody looks at: pty(7).
func terminal(t *testing.T) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return tty
}

func TestColoredText(t *testing.T) {
	var plain, colored strings.Builder
	for _, style := range []Style{Excerpts, LinesWithExcerpts} {
		plain.Reset()
		colored.Reset()
		if err := Text(&plain, findings(), Options{Style: style}); err != nil {
			t.Fatal(err)
		}
		if err := Text(&colored, findings(), Options{Style: style, Colors: true}); err != nil {
			t.Fatal(err)
		}
		text := colored.String()
		if !strings.Contains(text, "\x1b[1;31m") || strings.Count(text, "\x1b[") != 2*strings.Count(text, "\x1b[0m") {
			t.Errorf("colors are not turned on and off in turn:\n%q", text)
		}
		for _, code := range []string{"0", "1;31", "1;33", cyanCode, "1;34", "1;32"} {
			text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
		}
		if text != plain.String() {
			t.Errorf("but for the colors it is not the same text:\n%s\n%s", text, plain.String())
		}
	}
}

const cyanCode = "1;36"
