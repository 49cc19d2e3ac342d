package main

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed pages
var pages embed.FS

// page returns the manual page of a command, in the language of man(7).
func (c *command) page(version string) (string, error) {
	text, err := pages.ReadFile("pages/" + c.name + ".man")
	if err != nil {
		return "", fmt.Errorf("the page of %s is not written: %w", c.name, err)
	}
	var options strings.Builder
	for _, o := range c.options {
		options.WriteString(".TP\n")
		if o.short != "" {
			options.WriteString(`\fB\-` + o.short + `\fR, `)
		}
		options.WriteString(`\fB\-\-` + roff(o.long) + `\fR`)
		if o.argument != "" {
			options.WriteString(` \fI` + roff(o.argument) + `\fR`)
		}
		options.WriteString("\n" + roff(o.help) + "\n")
	}
	return strings.NewReplacer("@VERSION@", roff(version), "@OPTIONS@\n", options.String()).Replace(string(text)), nil
}

// roff escapes a text: a plain - is a hyphen, which nobody can paste into a shell.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}
