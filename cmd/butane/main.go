// Command butane turns a Butane document into an Ignition config.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/cmd/butane/stack"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/lint"
	"github.com/kindling-boot/kindling/transpiler/sugar"
	"github.com/kindling-boot/kindling/version"
)

// Exit codes: those of the reference.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Forms of the problems that the programs tell apart themselves.
const (
	formatText = "text"
	formatJSON = "json"
)

func main() {
	_ = stack.Reserved // it was, when the packages were initialised
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// settings are the flags.
type settings struct {
	strict, pretty, raw, check, rawErrors bool
	filesDir, output, lint, format        string
	showVersion, showHelp                 bool
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "explain" {
		return explain(args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "convert" {
		return convertMain(args[1:], stdin, stdout, stderr)
	}
	o := settings{format: formatText}
	options := flags{
		{long: "check", short: 'c', on: &o.check, help: "check the document without producing output"},
		{long: "files-dir", short: 'd', value: &o.filesDir, argument: "DIR", help: "allow embedding local files from this directory"},
		{long: "output", short: 'o', value: &o.output, argument: "FILE", help: "write to this file instead of standard output"},
		{long: "pretty", short: 'p', on: &o.pretty, help: "indent the output"},
		{long: "raw", short: 'r', on: &o.raw, help: "never wrap in a MachineConfig; force Ignition output"},
		{long: "strict", short: 's', on: &o.strict, help: "fail on any warning, but those of lint"},
		{long: "lint", value: &o.lint, argument: "off|warn|error", help: "what to do about what lint finds; warn, with --raw-errors off"},
		{long: "raw-errors", on: &o.rawErrors, help: "print each problem on one line, without excerpt"},
		{long: "format", value: &o.format, argument: "FORMAT", help: "form of the problems: " + strings.Join(reports.Formats(), ", ")},
		{long: "version", short: 'V', on: &o.showVersion, help: "print the version and exit"},
		{long: "help", short: 'h', on: &o.showHelp, help: "show this help and exit"},
	}
	usage := func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Usage: butane [options] [document]\n\nReads a Butane document (standard input if none or - is given) and writes an Ignition config.\n\nOptions:\n%s", options.usage())
		return err
	}
	documents, err := options.parse(args)
	if err == nil {
		err = o.chooseLint()
	}
	if err != nil {
		fmt.Fprintf(stderr, "butane: %v\n", err)
		_ = usage(stderr)
		return exitUsage
	}
	name := ""
	switch {
	case o.showHelp:
		return ended(usage(stdout), stderr)
	case o.showVersion:
		_, err := fmt.Fprintf(stdout, "Butane %s\n", version.String)
		return ended(err, stderr)
	case !slices.Contains(reports.Formats(), o.format):
		fmt.Fprintf(stderr, "butane: there is no format %q; use one of %s\n", o.format, strings.Join(reports.Formats(), ", "))
		return exitUsage
	case o.rawErrors && o.format != formatText:
		fmt.Fprintf(stderr, "butane: --raw-errors is a form of text, not of %s\n", o.format)
		return exitUsage
	case len(documents) > 1:
		fmt.Fprintf(stderr, "butane: one document at a time; %d were given\n", len(documents))
		_ = usage(stderr)
		return exitUsage
	case len(documents) == 1:
		name = documents[0]
	}
	if err := translate(o, name, stdin, stdout, stderr); err != nil {
		if o.format == formatText || !isExplained(err) {
			fmt.Fprintf(stderr, "Error translating config: %v\n", err)
		}
		return exitFailed
	}
	return exitOK
}

// ended is the exit code of what only prints something.
func ended(err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintf(stderr, "butane: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// Choices of --lint.
const (
	lintOff   = "off"
	lintWarn  = "warn"
	lintError = "error"
)

// chooseLint checks the choice, or makes it: who reads lines as the reference prints
// them gets those of the reference only.
func (o *settings) chooseLint() error {
	switch o.lint {
	case lintOff, lintWarn, lintError:
		return nil
	case "":
		if o.lint = lintWarn; o.rawErrors {
			o.lint = lintOff
		}
		return nil
	}
	return fmt.Errorf("--lint is %s, %s or %s, not %q", lintOff, lintWarn, lintError, o.lint)
}

// judge counts the warnings that --strict is about, and makes errors of what lint
// found if that is asked for.
func (o *settings) judge(found diag.List) (warnings, lints int) {
	for i := range found {
		if !lint.Is(&found[i]) {
			warnings++
			continue
		}
		if lints++; o.lint == lintError {
			found[i].Severity = diag.Error
		}
	}
	return warnings, lints
}

// limitMemory sets the heap from which on garbage is collected for large documents:
// a run ends before it is worth it. Documents need about ten times their size.
func limitMemory(documentSize int) {
	const large, factor = 64 << 10, 20
	if documentSize < large {
		return // the heap stays below the size at which the collector wakes up
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(int64(max(44<<20, factor*documentSize)))
}

// Reasons to fail that were explained already.
var (
	errSource    = errors.New("source config is invalid")
	errGenerated = errors.New("config generated was invalid")
	errStrict    = errors.New("there were warnings and --strict was given")
	errLint      = errors.New("lint found something and --lint=error was given")
)

func isExplained(err error) bool {
	return errors.Is(err, errSource) || errors.Is(err, errGenerated) || errors.Is(err, errStrict) || errors.Is(err, errLint) || errors.Is(err, errLoss)
}

func translate(o settings, name string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	document, err := source.Open(name, stdin, source.MaxYAML)
	if err != nil {
		return err
	}
	limitMemory(len(document.Data))
	files, err := sugar.OpenFilesDir(o.filesDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()

	output, outcome, found := transpiler.Translate(document, transpiler.Options{Files: files, Pretty: o.pretty, Raw: o.raw, Lint: o.lint != lintOff})
	warnings, lints := o.judge(found)
	form := reports.Options{Style: reports.Excerpts, Colors: reports.Colors(stderr)}
	if o.rawErrors {
		form = reports.Options{Style: reports.Lines}
	}
	if err := reports.Write(stderr, o.format, found, reports.Tool{Name: "butane", Version: version.String}, form); err != nil {
		return err
	}
	switch outcome {
	case transpiler.NotReadable, transpiler.SourceInvalid:
		return errSource
	case transpiler.GeneratedInvalid:
		return errGenerated
	}
	switch {
	case o.strict && warnings > 0:
		return errStrict
	case o.lint == lintError && lints > 0:
		return errLint
	}
	if o.check {
		return nil
	}
	return write(o.output, append(output, '\n'), stdout)
}

// write puts the output where it belongs. A file is complete or not changed at all.
func write(name string, output []byte, stdout io.Writer) error {
	if name == "" || name == "-" {
		if _, err := stdout.Write(output); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		return nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0) // a pipe or a device
		if err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		_, err = f.Write(output)
		return errors.Join(err, f.Close())
	}
	return replace(name, output)
}

// replace writes a file beside the old one and moves it into place. A new file has
// the usual mode, an old one keeps its own.
func replace(name string, output []byte) (err error) {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		var because *os.PathError
		if errors.As(err, &because) {
			err = because.Err // the path is one that nobody has named
		}
		return fmt.Errorf("write output: create a file in %s: %w", filepath.Dir(name), err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write output: %w", err), os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(output)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
