package main

import (
	"fmt"
	"io"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

// validateMain reports what is wrong with one config. Nothing is fetched or merged.
func validateMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition-validate", " config.ign",
		"Checks an Ignition config; - reads standard input. Warnings alone are no failure.", stderr)
	format := flags.String("format", "text", "print `text`, or json")
	showVersion := flags.Bool("version", false, "print the version and exit")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case *showVersion:
		return printVersion(stdout)
	case *format != "text" && *format != "json":
		fmt.Fprintf(stderr, "ignition-validate: format %q is neither text nor json\n", *format)
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
	if format == "json" {
		return diag.JSON(stdout, ds)
	}
	var entries, reasons diag.List
	for i := range ds {
		if _, placed := ds[i].ReportedPosition(); !placed && ds[i].Severity == diag.Error && len(ds) == 1 {
			reasons = append(reasons, ds[i])
		} else {
			entries = append(entries, ds[i])
		}
	}
	if err := diag.Text(stdout, entries, diag.Options{Style: diag.LinesWithExcerpts, ByteColumns: true}); err != nil {
		return err
	}
	for _, d := range reasons {
		if _, err := fmt.Fprintf(stderr, "ignition-validate: config is not usable: %s\n", d.Message); err != nil {
			return err
		}
	}
	return nil
}
