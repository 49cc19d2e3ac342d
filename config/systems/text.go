package systems

import (
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/dataurl"
)

func escaped(text string) string { return dataurl.Escaped([]byte(text)) }

// command writes a command line of a unit, each argument in a line of its own.
func command(program string, arguments []string) string {
	return program + strings.Join(append([]string{""}, arguments...), " \\\n  ")
}

// flag writes an option of a program: texts in quotes, numbers and booleans bare. Text
// that was made from placeholders keeps its variables.
func (r *renderer) flag(name, value string) string {
	name = "--" + strings.ReplaceAll(name, "_", "-") + "="
	if _, err := strconv.ParseInt(value, 10, 64); err == nil || value == "true" || value == "false" {
		return name + value
	}
	return name + r.quoted(value)
}

// quoted writes a value in double quotes: systemd.syntax(7), quoting. Placeholders
// become what is known, or variables.
func (r *renderer) quoted(value string) string {
	value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	if r.machine.Plain {
		value = strings.NewReplacer("%", "%%", "$", "$$").Replace(value)
	}
	for _, p := range placeholders {
		if fact, known := r.fact(p); known {
			value = strings.ReplaceAll(value, "{"+p+"}", fact)
		} else if variable := variables()[r.platform][p]; variable != "" {
			value = strings.ReplaceAll(value, "{"+p+"}", "${"+variable+"}")
		}
	}
	return `"` + value + `"`
}
