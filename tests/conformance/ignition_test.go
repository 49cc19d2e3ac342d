package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// driverAnswer is what the driver says to one request.
type driverAnswer struct {
	OK     bool            `json:"ok"`
	Config json.RawMessage `json:"config"`
	Report []entry         `json:"report"`
}

// drive sends requests through one driver process.
func drive(t *testing.T, requests []map[string]any) []driverAnswer {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, r := range requests {
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(programs.Path(t, "conformance-driver"))
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []driverAnswer
	for s := bufio.NewReader(bytes.NewReader(out)); ; {
		line, err := s.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			break
		}
		var a driverAnswer
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("answer %d: %v", len(answers)+1, err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(requests) {
		t.Fatalf("%d answers to %d requests", len(answers), len(requests))
	}
	return answers
}

type validateCase struct {
	ID       string `json:"id"`
	Input    string `json:"input"`
	InputB64 []byte `json:"input_b64"`
	Expect   struct {
		Accept  bool    `json:"accept"`
		Exit    int     `json:"exit"`
		Entries []entry `json:"entries"`
	} `json:"expect"`
}

func (c validateCase) bytes() []byte {
	if c.InputB64 != nil {
		return c.InputB64
	}
	return []byte(c.Input)
}

func validateCases(t *testing.T) (cases []validateCase, ids []string) {
	cases = readCases[validateCase](t, filepath.Join(data(t, "ignition"), "validate.jsonl"))
	for _, c := range cases {
		ids = append(ids, c.ID)
	}
	return cases, ids
}

func TestValidateThroughDriver(t *testing.T) {
	cases, ids := validateCases(t)
	var requests []map[string]any
	for _, c := range cases {
		if c.InputB64 != nil {
			requests = append(requests, map[string]any{"op": "parse", "config_b64": c.InputB64})
			continue
		}
		requests = append(requests, map[string]any{"op": "parse", "config": c.Input})
	}
	s := newSuite(t, ids)
	for i, a := range drive(t, requests) {
		c := cases[i]
		t.Run(c.ID, func(t *testing.T) {
			s.judge(t, c.ID, outcome{
				same:      a.OK == c.Expect.Accept,
				positions: sameEntries(a.Report, c.Expect.Entries),
				got:       a.Report, want: c.Expect.Entries,
				details: fmt.Sprintf("accepted: %t, should be %t\n%s", a.OK, c.Expect.Accept, c.Input),
			})
		})
	}
	s.finish(t)
}

// scriptLine is the first line of an entry: KIND at PATH, line L col C: TEXT.
var scriptLine = regexp.MustCompile(`(?m)^(error|warning|info)(?:(?: at (?:\$.*?, )?line (\d+) col (\d+))|(?: at \$.*?))?: `)

func scriptEntries(text []byte) []entry {
	var out []entry
	for _, m := range scriptLine.FindAllSubmatch(text, -1) {
		line, _ := strconv.Atoi(string(m[2])) // absent or digits, by the pattern
		col, _ := strconv.Atoi(string(m[3]))
		out = append(out, entry{Kind: string(m[1]), Line: line, Col: col})
	}
	return out
}

// runProgram runs a program to its end.
func runProgram(t testing.TB, cmd *exec.Cmd) (stdout, stderr []byte, exit int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && failed.Exited():
		exit = failed.ExitCode()
	case err != nil:
		t.Fatalf("%v: %v\n%s", cmd, err, errs.Bytes())
	}
	return out.Bytes(), errs.Bytes(), exit
}

func TestValidateThroughProgram(t *testing.T) {
	cases, ids := validateCases(t)
	path := programs.Path(t, "ignition-validate")
	s := newSuite(t, ids)
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command(path, "-")
				cmd.Stdin = bytes.NewReader(c.bytes())
				stdout, stderr, exit := runProgram(t, cmd)
				got := scriptEntries(append(stdout, stderr...))
				s.judge(t, c.ID, outcome{
					same:      exit == c.Expect.Exit,
					positions: sameEntries(got, c.Expect.Entries),
					got:       got, want: c.Expect.Entries,
					details: fmt.Sprintf("exit %d, should be %d\n%s%s\n%s", exit, c.Expect.Exit, stdout, stderr, c.Input),
				})
			})
		}
	})
	s.finish(t)
}

type configCase struct {
	ID         string            `json:"id"`
	Config     string            `json:"config"`
	Parent     string            `json:"parent"`
	Child      string            `json:"child"`
	Expect     json.RawMessage   `json:"expect"`
	AlsoAccept []json.RawMessage `json:"also_accept"`
}

// runConfigs judges the configs that the driver makes of the cases of a file.
func runConfigs(t *testing.T, file string, request func(c configCase) map[string]any) {
	cases := readCases[configCase](t, filepath.Join(data(t, "ignition"), file))
	var requests []map[string]any
	var ids []string
	for _, c := range cases {
		requests = append(requests, request(c))
		ids = append(ids, c.ID)
	}
	s := newSuite(t, ids)
	for i, a := range drive(t, requests) {
		c := cases[i]
		t.Run(c.ID, func(t *testing.T) {
			s.judge(t, c.ID, outcome{
				same:      a.OK && sameConfig(t, a.Config, append(c.AlsoAccept, c.Expect)...),
				positions: true,
				details:   fmt.Sprintf("ok: %t\ngot  %s\nwant %s", a.OK, a.Config, c.Expect),
			})
		})
	}
	s.finish(t)
}

func TestParse(t *testing.T) {
	runConfigs(t, "parse.jsonl", func(c configCase) map[string]any {
		return map[string]any{"op": "parse", "config": c.Config}
	})
}

func TestMerge(t *testing.T) {
	runConfigs(t, "merge.jsonl", func(c configCase) map[string]any {
		return map[string]any{"op": "merge", "parent": c.Parent, "child": c.Child}
	})
}

// oldCase is a config of a spec before 3.0.0 with what two programs make of it.
type oldCase struct {
	ID         string            `json:"id"`
	Config     string            `json:"config"`
	FSMap      map[string]string `json:"fsmap"`
	Expect     oldResult         `json:"expect"`
	Flatcar    oldResult         `json:"flatcar"`
	AlsoAccept []oldResult       `json:"also_accept"`
}

type oldResult struct {
	OK         bool            `json:"ok"`
	Config     json.RawMessage `json:"config"`
	ErrorClass string          `json:"error_class"`
}

func TestOlderSpecs(t *testing.T) {
	cases := readCases[oldCase](t, filepath.Join(data(t, "ignition"), "v2.jsonl"))
	for _, flavour := range []string{"coreos", "flatcar"} {
		t.Run(flavour, func(t *testing.T) {
			var requests []map[string]any
			var ids []string
			for _, c := range cases {
				r := map[string]any{"op": "v2", "flavor": flavour, "config": c.Config}
				if flavour == "coreos" {
					r["fsmap"] = c.FSMap
				}
				requests, ids = append(requests, r), append(ids, c.ID)
			}
			s := newSuite(t, ids)
			for i, a := range drive(t, requests) {
				c := cases[i]
				accepted := append(c.AlsoAccept, c.Expect)
				if flavour == "flatcar" {
					accepted = []oldResult{c.Flatcar}
				}
				t.Run(c.ID, func(t *testing.T) {
					s.judge(t, c.ID, outcome{
						same: matchesOne(t, a, accepted), positions: true,
						details: fmt.Sprintf("ok: %t\ngot  %s %v\nwant %+v\nof   %s", a.OK, a.Config, a.Report, accepted, c.Config),
					})
				})
			}
			s.finish(t)
		})
	}
}

// matchesOne reports whether an answer is one of the accepted results. Where the
// reference crashed, any refusal is right.
func matchesOne(t *testing.T, a driverAnswer, accepted []oldResult) bool {
	for _, r := range accepted {
		switch {
		case r.ErrorClass == "panic":
			if !a.OK || len(accepted) == 1 {
				return true
			}
		case a.OK == r.OK && (!a.OK || sameConfig(t, unitsByName(t, a.Config), unitsByName(t, r.Config))):
			return true
		}
	}
	return false
}

// unitsByName sorts the units of a config, whose order is not judged.
func unitsByName(t *testing.T, text []byte) json.RawMessage {
	v, err := parseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	systemd, _ := v.(map[string]any)["systemd"].(map[string]any)
	units, _ := systemd["units"].([]any)
	slices.SortStableFunc(units, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDowngrade(t *testing.T) {
	type downgradeCase struct {
		oldCase
		To     string   `json:"to"`
		Quirks []string `json:"quirks"`
	}
	cases := readCases[downgradeCase](t, filepath.Join(data(t, "ignition"), "downgrade.jsonl"))
	var requests []map[string]any
	var ids []string
	for _, c := range cases {
		requests = append(requests, map[string]any{"op": "downgrade", "config": c.Config, "to": c.To})
		ids = append(ids, c.ID)
	}
	s := newSuite(t, ids)
	for i, a := range drive(t, requests) {
		c := cases[i]
		if slices.Contains(c.Quirks, "panic") {
			c.Expect.ErrorClass = "panic"
		}
		accepted := append(c.AlsoAccept, c.Expect)
		t.Run(c.ID, func(t *testing.T) {
			s.judge(t, c.ID, outcome{
				same: matchesOne(t, a, accepted), positions: true,
				details: fmt.Sprintf("to %s\nok: %t\ngot  %s %v\nwant %+v\nof   %s", c.To, a.OK, a.Config, a.Report, accepted, c.Config),
			})
		})
	}
	s.finish(t)
}
