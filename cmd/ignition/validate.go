package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/version"
)

// validateMain reports what is wrong with one config. Nothing is fetched or merged.
func validateMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition-validate", " config.ign",
		"Checks an Ignition config; - reads standard input. Warnings alone are no failure.", stderr)
	format := flags.String("format", "text", "`form` of the report: "+strings.Join(reports.Formats(), ", "))
	showVersion := flags.Bool("version", false, "print the version and exit")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case *showVersion:
		return printVersion(stdout)
	case !slices.Contains(reports.Formats(), *format):
		fmt.Fprintf(stderr, "ignition-validate: there is no format %q; use one of %s\n", *format, strings.Join(reports.Formats(), ", "))
		return exitUsage
	case len(rest) != 1:
		flags.Usage()
		return exitFailed
	}
	f, err := source.Open(rest[0], stdin, source.MaxJSON)
	if err != nil {
		fmt.Fprintf(stderr, "ignition-validate: %v\n", err)
		return exitFailed
	}
	_, ds := config.Parse(f)
	if err := printDiagnostics(ds, *format, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "ignition-validate: %v\n", err)
		return exitFailed
	}
	if ds.HasErrors() {
		return exitFailed
	}
	return exitOK
}

// printDiagnostics prints the report. What concerns the document as a whole, and has
// no place that the reference would give, is the reason of a rejection.
func printDiagnostics(ds diag.List, format string, stdout, stderr io.Writer) error {
	if format != "text" {
		return reports.Write(stdout, format, ds, reports.Tool{Name: "ignition-validate", Version: version.String}, reports.Options{})
	}
	var entries, reasons diag.List
	for i := range ds {
		if _, placed := ds[i].ReportedPosition(); !placed && ds[i].Severity == diag.Error && len(ds) == 1 {
			reasons = append(reasons, ds[i])
		} else {
			entries = append(entries, ds[i])
		}
	}
	form := reports.Options{Style: reports.LinesWithExcerpts, ByteColumns: true, Colors: reports.Colors(stdout)}
	if err := reports.Text(stdout, entries, form); err != nil {
		return err
	}
	for _, d := range reasons {
		if _, err := fmt.Fprintf(stderr, "ignition-validate: config is not usable: %s\n", d.Message); err != nil {
			return err
		}
	}
	form = reports.Options{Style: reports.OnlyExcerpts, Colors: reports.Colors(stderr)}
	return reports.Text(stderr, reasons, form)
}
