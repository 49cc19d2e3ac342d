// Package timeline shows where the time of a first boot went, from the events that it
// left behind (package record): Write prints it as text, JSON, or a picture.
package timeline

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec/record"
)

// Formats are the names of what Write takes.
func Formats() []string { return []string{"text", "json", "svg", "html"} }

// Write writes a boot in one of the formats. top is the number of operations in the
// list of the longest.
func Write(w io.Writer, b *record.Boot, format string, top int) error {
	switch format {
	case "json":
		return writeJSON(w, b)
	case "svg":
		_, err := io.WriteString(w, newPicture(b).svg(style()))
		return err
	case "html":
		_, err := io.WriteString(w, page(b, top))
		return err
	}
	_, err := io.WriteString(w, text(b, top))
	return err
}

// located is an operation with the name of its stage.
type located struct {
	stage string
	*record.Line
}

// longest are the operations that took most time, the longest first.
func longest(b *record.Boot, top int) []located {
	all := make([]located, 0, b.Operations())
	for i := range b.Stages {
		for j := range b.Stages[i].Operations {
			all = append(all, located{b.Stages[i].Name, &b.Stages[i].Operations[j]})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Seconds > all[j].Seconds })
	return all[:min(len(all), max(top, 0))]
}

// headline says it in one line.
func headline(b *record.Boot) string {
	kept := 0
	for i := range b.Stages {
		kept += b.Stages[i].Kept
	}
	line := fmt.Sprintf("%s: %s for %s", b.Begin().UTC().Format("2006-01-02 15:04:05 UTC"), seconds(b.Duration()), counted(b.Operations(), "operation"))
	if kept > 0 {
		line += fmt.Sprintf(", %d more had nothing to do", kept)
	}
	return line
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// seconds writes a duration with three digits after the point.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

func (o located) duration() string { return fmt.Sprintf("%.3f s", o.Seconds) }

// what names the operation and its target.
func (o located) what() string { return strings.TrimSpace(o.Kind + " " + o.Target) }

// asked is the place in the config; empty if there is none.
func (o located) asked() string {
	if o.Place == "" {
		return o.Path
	}
	return o.Path + " (" + o.Place + ")"
}

// ending says how a stage has ended, if that is worth a word.
func ending(s *record.Stage) string {
	switch {
	case s.Failed:
		return "failed"
	case !s.IsComplete:
		return "did not end"
	}
	return ""
}

func text(b *record.Boot, top int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n", headline(b))
	for i := range b.Stages {
		s := &b.Stages[i]
		line := fmt.Sprintf("%11s  %-14s %-16s %s", seconds(s.Duration()), s.Name, counted(len(s.Operations), "operation"), ending(s))
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	list := longest(b, top)
	if len(list) == 0 {
		return out.String()
	}
	out.WriteString("\nThe longest operations:\n")
	for _, o := range list {
		fmt.Fprintf(&out, "%11s  %-14s %s\n", o.duration(), o.stage, o.what())
		if asked := o.asked(); asked != "" {
			fmt.Fprintf(&out, "%29sasked by: %s\n", "", asked)
		}
		if o.Error != "" {
			fmt.Fprintf(&out, "%29sfailed: %s\n", "", o.Error)
		}
	}
	return out.String()
}

// stageJSON is a stage for programs.
type stageJSON struct {
	Name       string        `json:"name"`
	Begin      time.Time     `json:"begin"`
	Seconds    float64       `json:"seconds"`
	Complete   bool          `json:"complete"`
	Failed     bool          `json:"failed"`
	Kept       int           `json:"kept"`
	Operations []record.Line `json:"operations"`
	Warnings   []record.Line `json:"warnings"`
}

func writeJSON(w io.Writer, b *record.Boot) error {
	out := struct {
		Begin   time.Time   `json:"begin"`
		Seconds float64     `json:"seconds"`
		Stages  []stageJSON `json:"stages"`
	}{Begin: b.Begin(), Seconds: b.Duration().Seconds()}
	for i := range b.Stages {
		s := &b.Stages[i]
		out.Stages = append(out.Stages, stageJSON{
			Name: s.Name, Begin: s.Begin, Seconds: s.Duration().Seconds(), Complete: s.IsComplete, Failed: s.Failed, Kept: s.Kept,
			Operations: append([]record.Line{}, s.Operations...), Warnings: append([]record.Line{}, s.Warnings...),
		})
	}
	return json.Write(w, out)
}
