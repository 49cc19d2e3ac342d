// Command manual writes the manual pages and the completions of shells for the programs
// of this project, from what the programs say about their options:
//
//	go run ./scripts/manual -bin bin -o bin/share
//
// Options come from --help, so a page cannot forget one. The rest of a page is written
// by hand in pages/NAME.man. The output is laid out as below /usr/share.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// command is a program or one of its subcommands. It has a manual page of its name.
type command struct {
	name string
	// run is how it is started, for --help and in shells.
	run []string
	// takes is what its arguments are: the extension of files, or nothing.
	takes string
	// about is what shells say about a subcommand.
	about string

	options []option
}

// commands are all of them. Those of one word are programs.
var commands = []command{
	{name: "butane", run: []string{"butane"}, takes: "bu"},
	{name: "butane-convert", run: []string{"butane", "convert"}, about: "write a document of any dialect as Butane or Ignition"},
	{name: "ignition", run: []string{"ignition"}},
	{name: "ignition-apply", run: []string{"ignition-apply"}, takes: "ign"},
	{name: "ignition-validate", run: []string{"ignition-validate"}, takes: "ign"},
	{name: "ignition-rmcfg", run: []string{"ignition-rmcfg"}},
	{name: "ignition-plan", run: []string{"ignition", "plan"}, takes: "ign", about: "show what apply would change"},
	{name: "ignition-inventory", run: []string{"ignition", "inventory"}, about: "print what a plan needs to know of this machine"},
	{name: "ignition-fetch-config", run: []string{"ignition", "fetch-config"}, about: "get the config of the platform"},
	{name: "ignition-status", run: []string{"ignition", "status"}, about: "tell what the last provisioning did"},
	{name: "ignition-verdict", run: []string{"ignition", "verdict"}, about: "show why this boot did not provision the machine"},
	{name: "ignition-report", run: []string{"ignition", "report"}, about: "send the events of this boot to a server"},
	{name: "ignition-analyze", run: []string{"ignition", "analyze"}, takes: "jsonl", about: "show where the time of the first boot went"},
}

// aliases are subcommands that have the page of a program.
var aliases = []command{
	{run: []string{"ignition", "apply"}, takes: "ign", about: "make a directory match a config"},
	{run: []string{"ignition", "validate"}, takes: "ign", about: "check a config"},
	{run: []string{"ignition", "rmcfg"}, about: "remove the config from the platform"},
}

func main() {
	bin := flag.String("bin", "bin", "`directory` of the programs")
	out := flag.String("o", "bin/share", "`directory` to write to")
	flag.Parse()
	if err := run(*bin, *out); err != nil {
		fmt.Fprintf(os.Stderr, "manual: %v\n", err)
		os.Exit(1)
	}
}

func run(bin, out string) error {
	version, err := say(bin, []string{"butane"}, "--version")
	if err != nil {
		return err
	}
	version = strings.TrimSpace(strings.TrimPrefix(version, "Butane "))
	for _, list := range [][]command{commands, aliases} {
		for i := range list {
			help, err := say(bin, list[i].run, "--help")
			if err != nil {
				return err
			}
			if list[i].options, err = parseHelp(help); err != nil {
				return fmt.Errorf("help of %s: %w", strings.Join(list[i].run, " "), err)
			}
		}
	}
	files := map[string]string{}
	for _, c := range commands {
		if files["man/man1/"+c.name+".1"], err = c.page(version); err != nil {
			return err
		}
	}
	for _, p := range shellPrograms() {
		files["bash-completion/completions/"+p.name] = p.bash()
		files["zsh/site-functions/_"+p.name] = p.zsh()
		files["fish/vendor_completions.d/"+p.name+".fish"] = p.fish()
	}
	for name, text := range files {
		path := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// say returns what a program prints.
func say(bin string, argv []string, option string) (string, error) {
	args := append(append([]string(nil), argv[1:]...), option)
	out, err := exec.Command(filepath.Join(bin, argv[0]), args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", argv[0], strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
