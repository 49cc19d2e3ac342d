package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/exec/record"
	"github.com/kindling-boot/kindling/internal/exec/timeline"
)

// analyzeMain is ignition analyze: it shows where the time of a first boot went.
func analyzeMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition analyze", " [EVENTS]",
		"Shows where the time of the first boot went, from the events that it left behind:\n"+
			"those of this boot in /run/ignition/"+eventsName+", or "+op.EventsPath+".", stderr)
	format := oneOf(flags, "format", "`form` of the output: "+strings.Join(timeline.Formats(), ", "), timeline.Formats())
	top := flags.Int("top", 20, "`number` of operations in the list of the longest")
	files, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case len(files) > 1:
		fmt.Fprintf(stderr, "ignition analyze: one file of events at a time; %d were given\n", len(files))
		return exitUsage
	}
	boot, err := readEvents(files, stdin)
	if err == nil {
		err = timeline.Write(stdout, boot, *format, *top)
	}
	if err != nil {
		fmt.Fprintf(stderr, "ignition analyze: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// readEvents reads the file that is given, or the first one that is there.
func readEvents(files []string, stdin io.Reader) (*record.Boot, error) {
	if len(files) == 1 && files[0] == "-" {
		return record.Read("<stdin>", stdin)
	}
	places := files
	if len(places) == 0 {
		places = []string{"/run/ignition/" + eventsName, op.EventsPath}
	}
	for _, name := range places {
		f, err := os.Open(name) //nolint:gosec // the user names it
		if errors.Is(err, fs.ErrNotExist) && len(files) == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:gocritic // of the only one that is opened
		return record.Read(name, f)
	}
	return nil, fmt.Errorf("this machine has left no events: neither %s is there", strings.Join(places, " nor "))
}
