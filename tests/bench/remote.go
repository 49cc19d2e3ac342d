package main

import (
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// remote: contents from a server on the loopback interface.
func (b *bench) remote() error {
	if reason := b.missing("ignition"); reason != "" {
		b.skip("apply, contents from a server", reason)
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: b.contents(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer server.Close()                       //nolint:errcheck // nothing is left to do
	url := "http://" + listener.Addr().String()
	for _, measure := range []func(url string) error{b.manyRemote, b.largeRemote, b.parallelRemote} {
		if err := measure(url); err != nil {
			return err
		}
	}
	return nil
}

// contents serves small files after 20 ms, and large ones from the scratch directory.
func (b *bench) contents() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/small/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(w, r.URL.Path) // the client notices what is missing
	})
	mux.HandleFunc("/large/", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, b.path(filepath.Base(r.URL.Path)))
	})
	return mux
}

// remoteConfig writes a config with files, and returns its name.
func (b *bench) remoteConfig(name string, files []string) (string, error) {
	name = b.path(name)
	return name, os.WriteFile(name, []byte(`{"ignition":{"version":"3.3.0"},"storage":{"files":[`+strings.Join(files, ",")+`]}}`), 0o644)
}

// manyRemote: the time is that of the slowest server, not of all answers together.
func (b *bench) manyRemote(url string) error {
	const what, count = "apply, 200 files, each after 20 ms, wall", 200
	var files []string
	for i := range count {
		files = append(files, fmt.Sprintf(`{"path":"/srv/%d","contents":{"source":"%s/small/%d"}}`, i, url, i))
	}
	config, err := b.remoteConfig("many.ign", files)
	if err != nil {
		return err
	}
	root := b.path("root")
	var ours []usage
	for range max(1, b.rounds/3) {
		if err := newRoot(root); err != nil {
			return err
		}
		u, err := run(b.program("ignition"), "apply", "--root", root, config)
		if err != nil {
			return err
		}
		ours = append(ours, u)
		if err := os.RemoveAll(root); err != nil {
			return err
		}
	}
	ms := float64(median(ours, wall)) / 1e6
	b.rows = append(b.rows, row{what: what, measured: fmt.Sprintf("%.0f ms", ms), value: ms, target: 500, unit: " ms"})
	return b.besideDebian("apply, 200 files", b.scratch, config, median(ours, wall))
}

// largeRemote: one file of 1 GiB with a hash, beside curl and sha256sum.
func (b *bench) largeRemote(url string) error {
	const what, size = "apply, 1 GiB with a hash : curl -o and sha256sum, wall", 1 << 30
	if _, err := exec.LookPath("curl"); err != nil {
		b.skip(what, "no curl on PATH")
		return nil //nolint:nilerr // the row is optional
	}
	f, err := os.Create(b.path("large"))
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, io.LimitReader(zeros{}, size))
	if err := errors.Join(err, f.Truncate(size), f.Close()); err != nil {
		return err
	}
	config, err := b.remoteConfig("large-remote.ign", []string{fmt.Sprintf(
		`{"path":"/srv/large","contents":{"source":"%s/large/large","verification":{"hash":"sha256-%x"}}}`, url, sum.Sum(nil))})
	if err != nil {
		return err
	}
	root, copied := b.path("root"), b.path("copied")
	var ours, theirs []usage
	for range max(1, b.rounds/3) {
		if err := newRoot(root); err != nil {
			return err
		}
		u, err := run(b.program("ignition"), "apply", "--root", root, config)
		if err != nil {
			return err
		}
		ours = append(ours, u)
		if err := os.RemoveAll(root); err != nil {
			return err
		}
		// what apply writes is on the disk when it ends
		if u, err = run("sh", "-c", `curl -sS -o "$1" "$2" && sha256sum "$1" && sync -f "$1"`, "sh", copied, url+"/large/large"); err != nil {
			return err
		}
		theirs = append(theirs, u)
		if err := os.Remove(copied); err != nil {
			return err
		}
	}
	b.ratio(what, median(ours, wall), median(theirs, wall), 1.25)
	return nil
}

// parallelRemote: memory must not grow with the number and the size of transfers.
func (b *bench) parallelRemote(url string) error {
	const what, count, size = "apply, 8 packed files of 512 MiB with hashes, peak memory", 8, 512 << 20
	sum := sha256.New()
	f, err := os.Create(b.path("packed"))
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(f)
	_, err = io.Copy(io.MultiWriter(sum, packed), io.LimitReader(zeros{}, size))
	if err := errors.Join(err, packed.Close(), f.Close()); err != nil {
		return err
	}
	var files []string
	for i := range count {
		files = append(files, fmt.Sprintf(`{"path":"/srv/%d","contents":{"source":"%s/large/packed?%d","compression":"gzip","verification":{"hash":"sha256-%x"}}}`, i, url, i, sum.Sum(nil)))
	}
	config, err := b.remoteConfig("parallel.ign", files)
	if err != nil {
		return err
	}
	root := b.path("root")
	if err := newRoot(root); err != nil {
		return err
	}
	u, err := run(b.program("ignition"), "apply", "--root", root, config)
	if err != nil {
		return err
	}
	b.memory(what, []usage{u}, 64)
	return os.RemoveAll(root)
}
