package stage

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// provision applies the files stage of a config to an empty directory.
func provision(tb testing.TB, cfg config.Config, dir string) {
	tb.Helper()
	root, err := sysroot.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	engine := exec.Engine{Stage: "files", Root: root}
	if _, err := engine.Run(tb.Context(), planFiles(&Input{Config: cfg, Root: root, State: &acquire.State{}})); err != nil {
		tb.Fatal(err)
	}
	if err := root.Close(); err != nil {
		tb.Fatal(err)
	}
}

func parse(tb testing.TB, text string) config.Config {
	tb.Helper()
	cfg, ds := config.Parse(source.NewFile("bench.ign", []byte(text)))
	if ds.HasErrors() {
		tb.Fatal(ds)
	}
	return cfg
}

// smallFiles is the number of files of the yardstick.
const smallFiles = 5500

func smallFile(i int) (name, content string) {
	return fmt.Sprintf("/srv/d%03d/e%d/file-%d.conf", i%200, i%7, i), strings.Repeat(fmt.Sprintf("setting-%d = value\n", i), 1+i%40)
}

// BenchmarkSmallFiles writes 5,500 small files, parsing of the config included, and
// reports how many times longer that takes than tar does for the same tree.
func BenchmarkSmallFiles(b *testing.B) {
	base := b.TempDir()
	tree := filepath.Join(base, "tree")
	var files []string
	for i := range smallFiles {
		name, content := smallFile(i)
		files = append(files, fmt.Sprintf(`{"path":%q,"mode":420,"contents":{"source":"data:;base64,%s"}}`, name, base64.StdEncoding.EncodeToString([]byte(content))))
		at := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	text := `{"ignition":{"version":"3.4.0"},"storage":{"files":[` + strings.Join(files, ",") + `]}}`
	archive := filepath.Join(base, "tree.tar")
	if out, err := osexec.Command("tar", "-C", tree, "-cf", archive, ".").CombinedOutput(); err != nil {
		b.Skipf("tar: %v: %s", err, out)
	}
	fresh := func(kind string, i int) string {
		dir := filepath.Join(base, fmt.Sprintf("%s-%d", kind, i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		return dir
	}
	var tar, ours time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		from, to := fresh("tar", i), fresh("ours", i)
		start := time.Now()
		if out, err := osexec.Command("tar", "-C", from, "-xf", archive).CombinedOutput(); err != nil {
			b.Fatalf("tar: %v: %s", err, out)
		}
		tar += time.Since(start)
		b.StartTimer()
		start = time.Now()
		provision(b, parse(b, text), to)
		ours += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(tar), "×tar")
}

// BenchmarkHugeFile writes one file of 2 GiB from compressed data in the config and
// reports the most memory that the process had.
func BenchmarkHugeFile(b *testing.B) {
	const size = 2 << 30
	var packed bytes.Buffer
	gz, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.CopyN(gz, zeros{}, size); err != nil {
		b.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		b.Fatal(err)
	}
	cfg := parse(b, `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/huge","overwrite":true,"contents":{"compression":"gzip","source":"data:;base64,`+
		base64.StdEncoding.EncodeToString(packed.Bytes())+`"}}]}}`)
	dir := b.TempDir()
	b.SetBytes(size)
	for b.Loop() {
		b.StopTimer()
		_ = os.Remove(filepath.Join(dir, "huge"))
		b.StartTimer()
		provision(b, cfg, dir)
	}
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)/1024, "MiB-peak")
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
