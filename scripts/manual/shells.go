package main

import (
	"fmt"
	"strings"
)

// explainRules is how shells learn the ids of rules.
const explainRules = "butane explain 2>/dev/null"

// program is a command with its subcommands, as shells complete it.
type program struct {
	command
	subcommands []command
}

// shellPrograms are the programs. butane explain has no options, and takes ids of rules.
func shellPrograms() []program {
	var out []program
	for _, c := range commands {
		if len(c.run) == 1 {
			out = append(out, program{command: c})
		}
	}
	for _, list := range [][]command{commands, aliases} {
		for _, c := range list {
			for i := range out {
				if len(c.run) == 2 && out[i].name == c.run[0] {
					out[i].subcommands = append(out[i].subcommands, c)
				}
			}
		}
	}
	out[0].subcommands = []command{{run: []string{"butane", "explain"}, takes: "rule", about: "explain rules"}}
	return out
}

func (c *command) sub() string { return c.run[len(c.run)-1] }

// identifier is a name that functions of shells can have.
func identifier(name string) string { return "_" + strings.ReplaceAll(name, "-", "_") }

// quoted is a text in single quotes, for sh and zsh.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func names(options []option) string {
	var out []string
	for _, o := range options {
		if o.short != "" {
			out = append(out, "-"+o.short)
		}
		out = append(out, "--"+o.long)
	}
	return strings.Join(out, " ")
}

// bash returns the completion for bash.
func (p *program) bash() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %s for bash, written by scripts/manual.\n%s() {\n", p.name, identifier(p.name))
	b.WriteString("    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n" +
		"    # --option=value is three words\n" +
		"    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n" +
		"    [[ $cur == = ]] && cur=\n" +
		"    COMPREPLY=()\n")
	if len(p.subcommands) > 0 {
		b.WriteString("    if ((COMP_CWORD > 1)); then\n        case ${COMP_WORDS[1]} in\n")
		for _, s := range p.subcommands {
			fmt.Fprintf(&b, "        %s)\n%s            return ;;\n", s.sub(), s.bashBody("            ", nil))
		}
		b.WriteString("        esac\n    fi\n")
	}
	b.WriteString(p.bashBody("    ", p.subcommands))
	fmt.Fprintf(&b, "}\ncomplete -F %s %s\n", identifier(p.name), p.name)
	return b.String()
}

// bashBody completes the options and arguments of a command.
func (c *command) bashBody(indent string, subcommands []command) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, indent+format+"\n", args...) }
	reply := "mapfile -t COMPREPLY < <(compgen %s -- \"$cur\")"
	if c.takes == "rule" {
		line(reply, `-W "$(`+explainRules+` | cut -d" " -f1)"`)
		return b.String()
	}
	line("case $prev in")
	for _, o := range c.options {
		if o.argument == "" {
			continue
		}
		pattern := strings.ReplaceAll(names([]option{o}), " ", "|")
		switch {
		case len(o.values) > 0:
			line("%s) "+reply+"; return ;;", pattern, `-W "`+strings.Join(o.values, " ")+`"`)
		case o.isDirectory():
			line("%s) compopt -o filenames; "+reply+"; return ;;", pattern, "-d")
		case o.isFile():
			line("%s) compopt -o filenames; "+reply+"; return ;;", pattern, "-f")
		default:
			line("%s) return ;;", pattern)
		}
	}
	line("esac")
	line("if [[ $cur == -* ]]; then")
	line("    "+reply, `-W "`+names(c.options)+`"`)
	if len(subcommands) > 0 {
		var words []string
		for _, s := range subcommands {
			words = append(words, s.sub())
		}
		line("elif ((COMP_CWORD == 1)); then")
		if c.takes != "" {
			line("    compopt -o filenames")
			line("    "+reply, `-f -W "`+strings.Join(words, " ")+`"`)
		} else {
			line("    "+reply, `-W "`+strings.Join(words, " ")+`"`)
		}
	}
	if c.takes != "" {
		line("else")
		line("    compopt -o filenames")
		line("    "+reply, "-f")
	}
	line("fi")
	return b.String()
}

// zsh returns the completion for zsh.
func (p *program) zsh() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n# Completion of %s for zsh, written by scripts/manual.\n\n", p.name, p.name)
	fmt.Fprintf(&b, "%s() {\n", identifier(p.name))
	if len(p.subcommands) > 0 {
		b.WriteString("    if (( CURRENT > 2 )); then\n        case $words[2] in\n")
		for _, s := range p.subcommands {
			fmt.Fprintf(&b, "        %s)\n            shift words\n            (( CURRENT-- ))\n%s            return ;;\n", s.sub(), s.zshBody("            ", nil))
		}
		b.WriteString("        esac\n    fi\n")
	}
	b.WriteString(p.zshBody("    ", p.subcommands))
	fmt.Fprintf(&b, "}\n\n%s \"$@\"\n", identifier(p.name))
	return b.String()
}

func (c *command) zshBody(indent string, subcommands []command) string {
	if c.takes == "rule" {
		return indent + `local -a rules=(${(f)"$(` + explainRules + ` | cut -d" " -f1)"})` + "\n" + indent + "_describe rule rules\n"
	}
	specs := []string{"-s"}
	text := strings.NewReplacer("[", "", "]", "", ":", "")
	for _, o := range c.options {
		spec := "[" + text.Replace(o.brief()) + "]"
		switch {
		case o.argument == "":
		case len(o.values) > 0:
			spec += ":value:(" + strings.Join(o.values, " ") + ")"
		case o.isDirectory():
			spec += ":directory:_files -/"
		case o.isFile():
			spec += ":file:_files"
		default:
			spec += ":" + text.Replace(o.argument) + ":"
		}
		equals := ""
		if o.argument != "" {
			equals = "="
		}
		if o.short != "" {
			specs = append(specs, quoted("-"+o.short+strings.Replace(equals, "=", "+", 1)+spec))
		}
		specs = append(specs, quoted("--"+o.long+equals+spec))
	}
	if len(subcommands) > 0 {
		var words []string
		for _, s := range subcommands {
			words = append(words, s.sub()+`\:`+quoted(s.about))
		}
		alternatives := []string{quoted("commands:command:((" + strings.ReplaceAll(strings.Join(words, " "), "'", `"`) + "))")}
		if c.takes != "" {
			alternatives = append(alternatives, quoted("documents:document:_files"))
		}
		function := "{_alternative " + strings.ReplaceAll(strings.Join(alternatives, " "), "'", `'\''`) + "}"
		specs = append(specs, "'1: :"+function+"'")
	}
	if c.takes != "" {
		specs = append(specs, quoted("*:document:_files"))
	}
	return indent + "_arguments " + strings.Join(specs, " \\\n"+indent+"    ") + "\n"
}

// fish returns the completion for fish.
func (p *program) fish() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %s for fish, written by scripts/manual.\n", p.name)
	var words []string
	for _, s := range p.subcommands {
		words = append(words, s.sub())
	}
	condition := ""
	if len(words) > 0 {
		condition = "not __fish_seen_subcommand_from " + strings.Join(words, " ")
		for _, s := range p.subcommands {
			fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -a %s -d %s\n", p.name, s.sub(), quoted(s.about))
		}
	}
	p.fishBody(&b, p.name, condition)
	for _, s := range p.subcommands {
		s.fishBody(&b, p.name, "__fish_seen_subcommand_from "+s.sub())
	}
	return b.String()
}

func (c *command) fishBody(b *strings.Builder, program, condition string) {
	start := "complete -c " + program
	if condition != "" {
		start += " -n " + quoted(condition)
	}
	if c.takes == "rule" {
		fmt.Fprintf(b, "%s -f -a '(%s | string split -f 1 \" \")'\n", start, explainRules)
		return
	}
	if c.takes == "" {
		fmt.Fprintf(b, "%s -f\n", start)
	}
	for _, o := range c.options {
		line := start
		if o.short != "" {
			line += " -s " + o.short
		}
		line += " -l " + o.long
		switch {
		case o.argument == "":
		case len(o.values) > 0:
			line += " -x -a " + quoted(strings.Join(o.values, " "))
		case o.isDirectory():
			line += " -x -a '(__fish_complete_directories)'"
		default:
			line += " -r"
			if o.isFile() {
				line += " -F"
			}
		}
		fmt.Fprintf(b, "%s -d %s\n", line, quoted(o.brief()))
	}
}
