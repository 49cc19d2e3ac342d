// Command size prints what each dependency costs in each program, beside the ledger of
// this folder, and writes the ledger with -reason.
//
//	go run ./tests/size -symbols DIR PROGRAM...
//
// The programs are those that are shipped, DIR holds the same with their symbols. What
// has no symbol of its own (line tables, types, strings) counts in proportion to code.
// Prints to standard output and exits with 1 if a program has grown beyond the tolerance.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	ledgerPath := flag.String("ledger", "tests/size/ledger.txt", "what the programs weighed")
	symbols := flag.String("symbols", "", "folder of the same programs with symbols")
	reason := flag.String("reason", "", "write the ledger, and why sizes changed")
	flag.Parse()
	if err := run(os.Stdout, *ledgerPath, *symbols, *reason, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, ledgerPath, symbols, reason string, programs []string) error {
	text, err := os.ReadFile(ledgerPath)
	if err != nil && reason == "" {
		return err
	}
	old, err := parseLedger(string(text))
	if err != nil {
		return err
	}
	now := ledger{reasons: old.reasons}
	for _, path := range programs {
		p, err := weigh(path, filepath.Join(symbols, filepath.Base(path)))
		if err != nil {
			return err
		}
		now.programs = append(now.programs, p)
		p.print(w, old.program(p.name))
	}
	if reason == "" {
		return now.compare(old)
	}
	now.toolchain = toolchain(programs[0])
	now.reasons = append(now.reasons, now.changes(old)+": "+strings.TrimSpace(reason))
	return os.WriteFile(ledgerPath, []byte(now.String()), 0o644)
}
