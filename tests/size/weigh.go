package main

import (
	"cmp"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// weigh measures a program: the file as it is shipped, and where its bytes come from by
// the symbols of the same program before it was stripped.
func weigh(shipped, withSymbols string) (program, error) {
	p := program{name: filepath.Base(shipped)}
	info, err := os.Stat(shipped)
	if err != nil {
		return p, err
	}
	p.size = info.Size()
	built, err := buildinfo.ReadFile(withSymbols)
	if err != nil {
		return p, err
	}
	f, err := elf.Open(withSymbols)
	if err != nil {
		return p, err
	}
	defer f.Close() //nolint:errcheck // only read
	all, err := f.Symbols()
	if err != nil {
		return p, fmt.Errorf("symbols of %s: %w", withSymbols, err)
	}
	named, code := map[string]int64{}, map[string]int64{}
	var sum, sumCode int64
	for _, s := range all {
		if int(s.Section) >= len(f.Sections) || f.Sections[s.Section].Type == elf.SHT_NOBITS || elf.ST_TYPE(s.Info) == elf.STT_SECTION || isTable(s.Name) {
			continue
		}
		of, size := dependency(packageOf(s.Name), built), int64(s.Size)
		named[of] += size
		sum += size
		if f.Sections[s.Section].Flags&elf.SHF_EXECINSTR != 0 {
			code[of] += size
			sumCode += size
		}
	}
	for name, size := range named {
		size += int64(float64(p.size-sum) * float64(code[name]) / float64(max(sumCode, 1)))
		p.rows = append(p.rows, row{name, size})
	}
	p.fold()
	return p, nil
}

// fold makes one row of all small ones of the standard library.
func (p *program) fold() {
	const small = 0.005 // of the program
	others := row{name: "std: others"}
	kept := p.rows[:0]
	for _, r := range p.rows {
		if strings.HasPrefix(r.name, "std: ") && float64(r.size) < small*float64(p.size) {
			others.size += r.size
		} else {
			kept = append(kept, r)
		}
	}
	p.rows = append(kept, others)
	slices.SortFunc(p.rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.name, b.name)) })
}

// isTable reports whether a symbol is one of the tables that the linker makes of
// everything: they count in proportion to code.
func isTable(symbol string) bool {
	for _, prefix := range []string{"go:func", "runtime.findfunctab", "runtime.pclntab", "runtime.typelink", "runtime.itablink", "type:", "go:string"} {
		if strings.HasPrefix(symbol, prefix) {
			return true
		}
	}
	return false
}

// packageOf returns the path of the package a symbol belongs to; "" for those of none.
func packageOf(symbol string) string {
	if i := strings.IndexAny(symbol, "[("); i >= 0 {
		symbol = symbol[:i]
	}
	symbol = strings.TrimPrefix(strings.TrimPrefix(symbol, "go:itab."), "*")
	symbol, _, _ = strings.Cut(symbol, ",")
	start := strings.LastIndexByte(symbol, '/') + 1
	dot := strings.IndexByte(symbol[start:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(symbol[:start+dot], "%2e", ".")
}

// dependency returns the row of the ledger that a package counts for: a module, a
// folder of ours, or a part of the standard library.
func dependency(pkg string, built *buildinfo.BuildInfo) string {
	if pkg == "main" {
		return "cmd"
	}
	if inside, ok := strings.CutPrefix(pkg, built.Main.Path+"/"); ok {
		parts := strings.Split(inside, "/")
		return strings.Join(parts[:min(2, len(parts))], "/")
	}
	for _, m := range built.Deps {
		if pkg == m.Path || strings.HasPrefix(pkg, m.Path+"/") {
			return "module: " + m.Path
		}
	}
	first, _, _ := strings.Cut(pkg, "/")
	switch {
	case pkg == "" || first == "runtime" || first == "internal" || first == "sync" || first == "type:" || first == "go:":
		return "std: runtime"
	case first == "crypto" || strings.HasPrefix(pkg, "vendor/golang.org/x/crypto"):
		return "std: crypto"
	case strings.HasPrefix(pkg, "vendor/") || strings.HasPrefix(pkg, "net/http"):
		return "std: net/http"
	}
	return "std: " + pkg
}

// toolchain says with what a program was built.
func toolchain(path string) string {
	built, err := buildinfo.ReadFile(path)
	if err != nil {
		return "an unknown toolchain"
	}
	settings := map[string]string{}
	for _, s := range built.Settings {
		settings[s.Key] = s.Value
	}
	return built.GoVersion + " for " + settings["GOOS"] + "/" + settings["GOARCH"]
}
