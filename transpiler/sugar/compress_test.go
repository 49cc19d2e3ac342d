package sugar

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"go/build"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/dataurl"
)

// samples returns small contents of the kinds that configs embed.
func samples(t *testing.T) [][]byte {
	t.Helper()
	var out [][]byte
	add := func(text []byte) {
		for _, n := range []int{20, 40, 60, 80, 120, 160, 200, 256, 333, 500, 777, smallContent} {
			if len(text) > 2*n {
				out = append(out, text[:n], text[n:2*n])
			}
		}
	}
	sources, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src", "os", "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources to compress: %v", err)
	}
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		add(text)
	}
	r := rand.New(rand.NewSource(1))
	words := strings.Fields("net ipv4 forward server listen user group timeout retry backend cache path log level max min")
	for range 300 {
		var b strings.Builder
		for range 60 {
			fmt.Fprintf(&b, "%s.%s = %s %d\n", words[r.Intn(len(words))], words[r.Intn(len(words))], words[r.Intn(len(words))], r.Intn(10000))
		}
		add([]byte(b.String()))
		letters := make([]byte, 2100)
		for i := range letters {
			letters[i] = "abcdefgh \n=1234567890"[r.Intn(1+r.Intn(21))]
		}
		add(letters)
		add(bytes.Repeat(letters[:5+r.Intn(40)], 80))
	}
	return out
}

// The reference compresses everything at the best level and compares; the
// shortcuts must not change what it decides.
func TestContentsAreCompressedExactlyWhenTheBestLevelMakesThemShorter(t *testing.T) {
	var c Compressor
	best, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	compressed := 0
	for _, data := range samples(t) {
		length := min(dataurl.EscapedLen(data), dataurl.Base64Len(len(data)))
		var b bytes.Buffer
		best.Reset(&b)
		if _, err := best.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := best.Close(); err != nil {
			t.Fatal(err)
		}
		want := dataurl.Base64Len(b.Len())+gzipCost < length
		got := c.Shorter(data, length)
		if (got != nil) != want {
			t.Errorf("%q: compressed %v, want %v", data, got != nil, want)
		}
		if got == nil {
			continue
		}
		compressed++
		r, err := gzip.NewReader(bytes.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		var back bytes.Buffer
		if _, err := back.ReadFrom(r); err != nil || !bytes.Equal(back.Bytes(), data) {
			t.Errorf("%q: decompressed to %q, %v", data, back.Bytes(), err)
		}
	}
	if compressed == 0 {
		t.Error("nothing was compressed")
	}
}
