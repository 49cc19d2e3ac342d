package main

import (
	"fmt"
	"strings"
)

// flag is one option of the command line: GNU style, with a long name and maybe a
// short one. A switch has on set, an option with an argument has value set.
type flag struct {
	long  string
	short byte // 0 if none
	on    *bool
	value *string
	// argument is what the usage calls the argument.
	argument string
	help     string
}

// flags is the command line of a program.
type flags []flag

// parse sets the options and returns the other arguments. Options may stand
// anywhere, until --. Short switches may be written together.
func (fs flags) parse(args []string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = fs.long(arg[2:], args)
		case strings.HasPrefix(arg, "-") && arg != "-":
			args, err = fs.shorts(arg[1:], args)
		default:
			rest = append(rest, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func (fs flags) long(arg string, args []string) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	for _, f := range fs {
		switch {
		case f.long != name:
			continue
		case f.on != nil && given:
			return args, f.turn(value)
		case f.on != nil:
			*f.on = true
		case given:
			*f.value = value
		case len(args) == 0:
			return nil, fmt.Errorf("--%s needs an argument", name)
		default:
			*f.value, args = args[0], args[1:]
		}
		return args, nil
	}
	return nil, fmt.Errorf("unknown option --%s", name)
}

func (f flag) turn(value string) error {
	switch value {
	case "true", "1":
		*f.on = true
	case "false", "0":
		*f.on = false
	default:
		return fmt.Errorf("--%s is true or false, not %q", f.long, value)
	}
	return nil
}

func (fs flags) shorts(letters string, args []string) ([]string, error) {
next:
	for i := range len(letters) {
		for _, f := range fs {
			switch {
			case f.short != letters[i]:
				continue
			case f.on != nil:
				*f.on = true
				continue next
			case i+1 < len(letters):
				*f.value = strings.TrimPrefix(letters[i+1:], "=")
			case len(args) == 0:
				return nil, fmt.Errorf("-%c needs an argument", f.short)
			default:
				*f.value, args = args[0], args[1:]
			}
			return args, nil
		}
		return nil, fmt.Errorf("unknown option -%c", letters[i])
	}
	return args, nil
}

// usage lists the options.
func (fs flags) usage() string {
	var b strings.Builder
	for _, f := range fs {
		short, long := "    ", "--"+f.long
		if f.short != 0 {
			short = fmt.Sprintf("-%c, ", f.short)
		}
		if f.argument != "" {
			long += " " + f.argument
		}
		fmt.Fprintf(&b, "  %s%-24s %s\n", short, long, f.help)
	}
	return b.String()
}
