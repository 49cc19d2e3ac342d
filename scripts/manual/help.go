package main

import (
	"fmt"
	"regexp"
	"strings"
)

// option is one option of a command.
type option struct {
	// short and long are its names without dashes; short may be empty.
	short, long string
	// argument is what it takes; empty for a switch.
	argument string
	help     string
	// values are all that it takes, if the help lists them.
	values []string
}

var (
	// gnuOption is a line of the help of butane.
	gnuOption = regexp.MustCompile(`^  (?:-(\w), |    )--([\w-]+)(?: (\S+))? +(\S.*)$`)
	// goOption is the first of two lines of package flag.
	goOption = regexp.MustCompile(`^  -([\w-]+)(?: (\S+))?$`)
	// listed are values at the end of a help: two or more words.
	listed = regexp.MustCompile(`: ([\w-]+(?:, [\w-]+)+)(?: \(default .*\))?$`)
)

// parseHelp reads the options out of what --help prints. A line that is none is an
// error: nothing shall be missing.
func parseHelp(text string) ([]option, error) {
	_, list, found := strings.Cut(text, "\nOptions:\n")
	if !found {
		return nil, fmt.Errorf("there is no list of options in\n%s", text)
	}
	var out []option
	for line := range strings.Lines(list) {
		line = strings.TrimSuffix(line, "\n")
		if m := gnuOption.FindStringSubmatch(line); m != nil {
			out = append(out, option{short: m[1], long: m[2], argument: m[3], help: m[4]})
		} else if m := goOption.FindStringSubmatch(line); m != nil {
			out = append(out, option{long: m[1], argument: m[2]})
		} else if help, ok := strings.CutPrefix(line, "    \t"); ok && len(out) > 0 {
			out[len(out)-1].help += help
		} else {
			return nil, fmt.Errorf("%q is not the line of an option", line)
		}
	}
	for i := range out {
		o := &out[i]
		if strings.Contains(o.argument, "|") {
			o.values = strings.Split(o.argument, "|")
		} else if m := listed.FindStringSubmatch(o.help); m != nil && o.argument != "" {
			o.values = strings.Split(m[1], ", ")
		}
	}
	return out, nil
}

// isDirectory and isFile tell what an option takes.
func (o option) isDirectory() bool { return o.argument == "DIR" || o.argument == "directory" }

func (o option) isFile() bool { return o.argument == "FILE" || o.argument == "file" }

// brief is the help without the list of values and the default.
func (o option) brief() string {
	help, _, _ := strings.Cut(o.help, " (default ")
	if len(o.values) > 0 {
		help, _, _ = strings.Cut(help, ": ")
	}
	return help
}
