// Command driver answers conformance requests: one JSON object per line on
// standard input, one answer per line on standard output, in the same order.
//
// Requests are {"op":"parse","config":TEXT} (or config_b64 for bytes that are not
// UTF-8), {"op":"merge","parent":TEXT,"child":TEXT}, and for older specs
// {"op":"v2","flavor":NAME,"config":TEXT,"fsmap":{NAME:PATH}} and
// {"op":"downgrade","config":TEXT,"to":VERSION}. Answers hold ok, the config in the
// newest spec (3.1.0 for v2), and the report of parse.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy/downgrade"
	"github.com/kindling-boot/kindling/config/legacy/ignition2"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

type request struct {
	Op        string `json:"op"`
	Config    string `json:"config"`
	ConfigB64 []byte `json:"config_b64"`
	Parent    string `json:"parent"`
	Child     string `json:"child"`
	// of op v2
	Flavor string            `json:"flavor"`
	FSMap  map[string]string `json:"fsmap"`
	// of op downgrade
	To string `json:"to"`
}

type answer struct {
	OK          bool            `json:"ok"`
	Unsupported bool            `json:"unsupported,omitempty"`
	Config      json.RawMessage `json:"config,omitempty"`
	Report      []entry         `json:"report,omitempty"`
}

type entry struct {
	Kind    string `json:"kind"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

func serve(r io.Reader, w io.Writer) error {
	in := bufio.NewReaderSize(r, 1<<20)
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			if err := enc.Encode(handle(line)); err != nil {
				return err
			}
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func handle(line []byte) answer {
	var q request
	if err := json.Unmarshal(line, &q); err != nil {
		return answer{Report: []entry{{Kind: "error", Message: err.Error()}}}
	}
	switch q.Op {
	case "parse":
		data := []byte(q.Config)
		if q.ConfigB64 != nil {
			data = q.ConfigB64
		}
		c, ds := config.Parse(source.NewFile("config", data))
		return result(c, ds)
	case "merge":
		parent, ds := config.Parse(source.NewFile("parent", []byte(q.Parent)))
		child, more := config.Parse(source.NewFile("child", []byte(q.Child)))
		return result(config.Merge(parent, child), append(ds, more...))
	case "v2":
		flavour := map[string]ignition2.Flavour{"coreos": ignition2.CoreOS, "flatcar": ignition2.Flatcar}[q.Flavor]
		cfg, where, _, ds := ignition2.TranslateAs(source.NewFile("config", []byte(q.Config)),
			ignition2.Options{Flavour: flavour, Filesystems: q.FSMap})
		return result(config.New(cfg, where), ds)
	case "downgrade":
		c, from, ds := config.Read(source.NewFile("config", []byte(q.Config)))
		if ds.HasErrors() {
			return result(c, ds)
		}
		if to, _, known := spec.Parse(q.To); known {
			cfg, ds := downgrade.To(c, from, to)
			return result(config.New(cfg, c), ds)
		}
		text, ds := ignition2.Write(c, from, q.To)
		a := result(c, ds)
		a.Config = text
		return a
	}
	return answer{Unsupported: true}
}

func result(c config.Config, ds diag.List) answer {
	a := answer{OK: !ds.HasErrors()}
	if a.OK {
		a.Config = config.Render(c)
	}
	for i := range ds {
		e := entry{Kind: ds[i].Severity.String(), Path: ds[i].Path.Dollar(), Message: ds[i].Message}
		if p, ok := ds[i].ReportedPosition(); ok {
			e.Line, e.Col = p.Line, p.ByteColumn
		}
		a.Report = append(a.Report, e)
	}
	return a
}
