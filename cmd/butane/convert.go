package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/dialect/convert"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// convertSettings are the flags of butane convert.
type convertSettings struct {
	to, filesDir, output, format string
	image                        dialect.Image
	network, strict, showHelp    bool
}

// errLoss ends a strict conversion that keeps not everything.
var errLoss = errors.New("not every key is exact and --strict was given")

// convertMain is butane convert: it reads a document of any dialect and writes it as
// Butane, or as an Ignition config.
func convertMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := convertSettings{format: formatText}
	options := flags{
		{long: "to", short: 't', value: &o.to, argument: "TARGET", help: "VARIANT, VARIANT-VERSION, ignition or ignition-VERSION; else Butane that suits"},
		{long: "files-dir", short: 'd', value: &o.filesDir, argument: "DIR", help: "allow embedding local files from this directory"},
		{long: "packages", value: &o.image.Packages, argument: strings.Join(cloudconfig.Packagers(), "|"), help: "program of the machine that installs packages of a cloud-config"},
		{long: "default-user", value: &o.image.DefaultUser, argument: "NAME", help: "user that a cloud-config calls default; else core"},
		{long: "network-config", on: &o.network, help: "the document is a network config of cloud-init"},
		{long: "output", short: 'o', value: &o.output, argument: "FILE", help: "write to this file instead of standard output"},
		{long: "strict", short: 's', on: &o.strict, help: "fail unless every key is kept exactly"},
		{long: "format", value: &o.format, argument: "text|json", help: "form of the report on standard error"},
		{long: "help", short: 'h', on: &o.showHelp, help: "show this help and exit"},
	}
	usage := func(w io.Writer) {
		fmt.Fprintf(w, "Usage: butane convert [options] [document]\n\nReads a document of any dialect and writes a Butane document, or an Ignition config.\nWhat became of its keys is reported on standard error.\n\nOptions:\n%s", options.usage())
	}
	documents, err := options.parse(args)
	var target convert.Target
	if err == nil && o.to != "" {
		target, err = convert.ParseTarget(o.to)
	}
	switch {
	case err != nil:
	case o.format != formatText && o.format != formatJSON:
		err = fmt.Errorf("--format is %s or %s, not %q", formatText, formatJSON, o.format)
	case o.image.Packages != "" && !slices.Contains(cloudconfig.Packagers(), o.image.Packages):
		err = fmt.Errorf("--packages is one of %s, not %q", strings.Join(cloudconfig.Packagers(), ", "), o.image.Packages)
	case len(documents) > 1:
		err = fmt.Errorf("one document at a time; %d were given", len(documents))
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "butane convert: %v\n", err)
		usage(stderr)
		return exitUsage
	case o.showHelp:
		usage(stdout)
		return exitOK
	}
	name := ""
	if len(documents) == 1 {
		name = documents[0]
	}
	if err := o.run(target, name, stdin, stdout, stderr); err != nil {
		if !isExplained(err) || o.format == formatText {
			fmt.Fprintf(stderr, "Error converting config: %v\n", err)
		}
		return exitFailed
	}
	return exitOK
}

func (o convertSettings) run(target convert.Target, name string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	f, err := source.Open(name, stdin, source.MaxJSON)
	if err != nil {
		return err
	}
	limitMemory(len(f.Data))
	files, err := sugar.OpenFilesDir(o.filesDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	doc, found := dialect.Read(f, dialect.Options{Files: files, Pack: new(sugar.Compressor).Shorter, Image: &o.image, IsNetwork: o.network})
	var output []byte
	if !found.HasErrors() {
		var bad diag.List
		output, bad = target.Write(doc)
		found = append(found, bad...)
	}
	if !doc.Translated() && output != nil {
		doc.Notes = convert.Keys(doc)
	}
	if err := o.report(stderr, doc, found); err != nil {
		return err
	}
	switch {
	case output == nil:
		return errSource
	case o.strict && found.Has(diag.Warning):
		return errLoss
	}
	return write(o.output, output, stdout)
}

// conversionReport is the report for programs.
type conversionReport struct {
	// Dialect of the document, and what was undone around it.
	Dialect   string   `json:"dialect"`
	Encodings []string `json:"encodings,omitempty"`
	// Keys are all keys, in order of position.
	Keys []keyReport `json:"keys"`
	// Problems are the errors and warnings, as --format json of butane prints them.
	Problems json.RawMessage `json:"problems"`
}

// keyReport is what became of one key.
type keyReport struct {
	Path   string `json:"path"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Fate is exact, approximated or dropped; How says how, or why.
	Fate string `json:"fate"`
	How  string `json:"how,omitempty"`
}

// report tells what became of the keys. Of a document that is read without loss, text says
// nothing.
func (o convertSettings) report(w io.Writer, doc dialect.Document, found diag.List) error {
	if o.format == formatJSON {
		return reportJSON(w, doc, found)
	}
	if err := reports.Text(w, found, reports.Options{Style: reports.Excerpts, Colors: reports.Colors(w)}); err != nil {
		return err
	}
	if found.HasErrors() || !doc.Translated() {
		return nil
	}
	counts := map[legacy.Fate]int{}
	var kept []string
	for _, n := range doc.Notes {
		if counts[n.Fate]++; n.Fate == legacy.Exact {
			kept = append(kept, n.Path.String())
		}
	}
	said := ""
	if len(kept) > 0 {
		said = "kept exactly: " + strings.Join(kept, ", ") + "\n"
	}
	_, err := fmt.Fprintf(w, "%s%s: %d keys exact, %d approximated, %d without effect\n", said, doc.Form.Name(),
		counts[legacy.Exact], counts[legacy.Approximated], counts[legacy.Dropped])
	return err
}

func reportJSON(w io.Writer, doc dialect.Document, found diag.List) error {
	var problems bytes.Buffer
	if err := reports.JSON(&problems, found); err != nil {
		return err
	}
	r := conversionReport{Dialect: doc.Form.Name(), Encodings: doc.Encodings, Keys: []keyReport{}, Problems: problems.Bytes()}
	for _, n := range doc.Notes {
		k := keyReport{Path: n.Path.String(), Fate: n.Fate.String(), How: n.How}
		if !n.At.IsZero() {
			p := n.At.Position()
			k.File, k.Line, k.Column = n.At.File.Name, p.Line, p.Column
		}
		r.Keys = append(r.Keys, k)
	}
	return json.Write(w, r)
}
