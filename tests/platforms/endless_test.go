package platforms

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAConfigWithoutEnd: it is refused before it has taken the memory of the machine.
func TestAConfigWithoutEnd(t *testing.T) {
	t.Parallel()
	const address = "192.0.2.1" // RFC 5737
	w := newWorld(t, address)
	w.must(unix.Mount(w.write("meminfo", "MemAvailable: 61440 kB\n"), "/proc/meminfo", "", unix.MS_BIND, ""))
	w.listen(address+":80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 1<<20); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	const refused = "it has more than 10 MiB, for which this machine has not enough memory"
	w.kernelArguments("ignition.config.url=http://" + address + "/endless")
	w.stage("fetch", "metal").expect(t, 1, nothing, refused)

	// one that is short until it is unpacked
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(make([]byte, 16<<20))
	w.must(errors.Join(err, z.Close()))
	w.listen(address+":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(packed.Bytes()) }))
	w.kernelArguments("ignition.config.url=http://" + address + ":8080/packed")
	w.stage("fetch", "metal").expect(t, 1, nothing, refused)
}
