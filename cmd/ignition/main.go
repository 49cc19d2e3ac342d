// Command ignition provisions a machine on its first boot: it is started once for
// every stage by the units of the initramfs.
//
// It has several names, as which it is installed by links: ignition-apply,
// ignition-report, ignition-rmcfg, ignition-validate. The same and ignition plan, inventory,
// status, analyze, verdict and fetch-config are available as subcommands.
package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
)

// Exit statuses: those of the reference.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	// exitSetup is a platform or a state that cannot be used.
	exitSetup = 3
)

// program is one of the personalities.
type program func(args []string, stdin io.Reader, stdout, stderr io.Writer) int

// names are the personalities by the name that the program was started with.
var names = map[string]program{
	"ignition-apply":    applyContractMain,
	"ignition-report":   reportMain,
	"ignition-rmcfg":    rmcfgMain,
	"ignition-validate": validateMain,
}

// subcommands are the personalities by the first argument.
var subcommands = map[string]program{
	"analyze":      analyzeMain,
	"fetch-config": fetchConfigMain,
	"apply":        applyMain,
	"inventory":    inventoryMain,
	"plan":         planMain,
	"report":       reportMain,
	"rmcfg":        rmcfgMain,
	"status":       statusMain,
	"verdict":      verdictMain,
	"validate":     validateMain,
}

func main() {
	postponeCollections()
	os.Exit(choose(os.Args)(os.Stdin, os.Stdout, os.Stderr))
}

// choose finds out what to be.
func choose(argv []string) func(stdin io.Reader, stdout, stderr io.Writer) int {
	run, args := program(engineMain), []string(nil)
	if len(argv) > 0 {
		args = argv[1:]
		if p, ok := names[filepath.Base(argv[0])]; ok {
			run = p
		} else if len(args) > 0 && subcommands[args[0]] != nil {
			run, args = subcommands[args[0]], args[1:]
		}
	}
	return func(stdin io.Reader, stdout, stderr io.Writer) int { return run(args, stdin, stdout, stderr) }
}

// postponeCollections lets the collector start when the heap has 48 MB, twelve times the
// 4 MB of runtime/mgcpacer.go, heapMinimum. Few runs have as much garbage, and the
// collections before take a fifth of the time of the others. After the first one, when
// the object that nobody refers to is gone, all is as usual.
func postponeCollections() {
	const percent = 1200
	usual := debug.SetGCPercent(percent)
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) { debug.SetGCPercent(usual) })
}
