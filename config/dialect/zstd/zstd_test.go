package zstd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// pack packs data with the program of the field.
func pack(t testing.TB, data []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("zstd", append([]string{"--stdout", "--quiet"}, args...)...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// texts are data of all kinds: nothing, one byte over and over, text, noise, and mixtures.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 150_000)
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	var words, skewed strings.Builder
	for words.Len() < 300_000 {
		fmt.Fprintf(&words, "%s_%d = \"%x\"\n", []string{"path", "mode", "unit", "source"}[r.IntN(4)], r.IntN(100), r.IntN(1<<r.IntN(31)+1))
	}
	for skewed.Len() < 50_000 {
		skewed.WriteByte("aaaaaaaaaaaaaabbbbbcccdde"[r.IntN(25)])
	}
	return map[string][]byte{
		"nothing": {}, "a byte": {'x'}, "a line": []byte("variant: fcos\nversion: 1.5.0\n"), "zeros": make([]byte, 500_000),
		"noise": noise, "words": []byte(words.String()), "few letters": []byte(skewed.String()),
		"a mixture": append(append(bytes.Clone(noise[:1000]), words.String()[:150_000]...), noise...),
		"lines":     []byte(strings.Repeat("the same line again\n", 20_000)),
	}
}

func TestDecode(t *testing.T) {
	programs.Need(t, "zstd")
	for name, data := range texts() {
		for _, args := range [][]string{
			{"-1"}, {"-9", "--no-check"}, {"-19"}, {"--fast=5"}, {"-5", fmt.Sprintf("--stream-size=%d", len(data))},
		} {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				packed := pack(t, data, args...)
				got, err := Decode(packed, len(data))
				if err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%d bytes are %d, %v", len(data), len(got), err)
				}
				two := append(append(bytes.Clone(packed), "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"...), packed...)
				if got, err = Decode(two, 2*len(data)); err != nil || len(got) != 2*len(data) {
					t.Errorf("two frames and one to skip: %d bytes, %v", len(got), err)
				}
				if _, err = Decode(packed, len(data)-1); len(data) > 0 && !errors.Is(err, ErrTooLarge) {
					t.Errorf("with a limit: %v", err)
				}
				for _, n := range []int{len(packed) - 1, len(packed) / 2, 5} {
					if _, err = Decode(packed[:n], len(data)); err == nil {
						t.Errorf("%d of %d bytes are no error", n, len(packed))
					}
				}
			})
		}
	}
}

func TestBrokenDataIsNoticed(t *testing.T) {
	programs.Need(t, "zstd")
	data := texts()["words"][:20_000]
	packed := pack(t, data, "-19")
	for i := 0; i < len(packed); i += 1 + len(packed)/500 {
		broken := bytes.Clone(packed)
		broken[i] ^= 1 << (i % 8)
		if got, err := Decode(broken, 1<<20); err == nil && !bytes.Equal(got, data) {
			t.Errorf("byte %d was changed, and nobody noticed", i)
		}
	}
}

// FuzzDecode: nothing crashes, and nothing goes beyond the limit.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		Magic, "\x50\x2a\x4d\x18\x00\x00\x00\x00", Magic + "\x20\x01\x09\x00\x00x", Magic + "\x00\x58\x01\x00\x00",
	} {
		f.Add([]byte(s))
	}
	if _, err := exec.LookPath("zstd"); err == nil {
		for _, data := range texts() {
			f.Add(pack(f, data[:min(len(data), 3000)], "-19"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		if out, err := Decode(data, limit); err == nil && len(out) > limit {
			t.Errorf("%d bytes", len(out))
		}
	})
}
