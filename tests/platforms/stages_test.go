package platforms

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// journal listens where the journal does and returns what has arrived so far.
func (w *world) journal() (records func() []string) {
	w.t.Helper()
	const socket = "/run/systemd/journal/socket"
	w.must(os.MkdirAll(filepath.Dir(socket), 0o755))
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	w.must(err)
	w.t.Cleanup(func() { _ = l.Close() })
	return func() (all []string) {
		w.t.Helper()
		buffer := make([]byte, 64<<10)
		for {
			// what was sent is there already: the program has ended
			w.must(l.SetReadDeadline(time.Now().Add(50 * time.Millisecond)))
			n, err := l.Read(buffer)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return all
			}
			w.must(err)
			all = append(all, string(buffer[:n]))
		}
	}
}

func TestJournalIsToldAboutConfigs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "169.254.169.254")
	records := w.journal()
	record := func(kind, source, referenced string) func(string) bool {
		return func(r string) bool {
			for _, field := range []string{
				"MESSAGE_ID=57124006b5c94805b77ce473e92a8aeb", "IGNITION_CONFIG_TYPE=" + kind, "IGNITION_CONFIG_SRC=" + source,
				"IGNITION_CONFIG_REFERENCED=" + referenced, "SYSLOG_IDENTIFIER=ignition",
			} {
				if !slices.Contains(strings.Split(r, "\n"), field) {
					return false
				}
			}
			return true
		}
	}
	w.stage("fetch-offline", "metal").expect(t, 0, empty)
	if got := records(); len(got) != 1 || !record("base", "system", "false")(got[0]) {
		t.Errorf("without a user config: %q", got)
	}
	w.listen("169.254.169.254:80", serving(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.4.0%22%7D%7D"}]}}}`))
	w.stage("fetch", "gcp").expect(t, 0, "merge")
	got := records()
	for _, want := range []func(string) bool{record("base", "system", "false"), record("user", "gcp", "false"), record("user", "", "true")} {
		if !slices.ContainsFunc(got, want) {
			t.Errorf("a record is missing in %q", got)
		}
	}
}

func TestCacheAndStateKeepTheirModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("fetch-offline", "metal").expect(t, 0, empty)
	for name, want := range map[string]os.FileMode{"ignition.json": 0o640, "state": 0o600} {
		info, err := os.Stat(filepath.Join(w.dir, name))
		w.must(err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestUserConfigOfTheImageComesBeforeThePlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(os.MkdirAll("/run/ignition", 0o755))
	w.must(os.WriteFile("/run/ignition/user.ign", []byte(zipped(from("image"))), 0o600))
	w.stage("fetch-offline", "aws").expect(t, 0, "/from-image")
	w.must(os.WriteFile("/run/ignition/user.ign", nil, 0o600))
	w.stage("fetch-offline", "aws").expect(t, 0, empty, "no config from system")
}

func TestFilesOfThePlatformAreWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("fetch-offline", "metal").expect(t, 0, empty)
	name := filepath.Join(w.dir, "state")
	data, err := os.ReadFile(name)
	w.must(err)
	var state map[string]any
	w.must(json.Unmarshal(data, &state))
	state["providerOutputFiles"] = []any{map[string]any{
		"path": "/var/lib/hyperv/.kvp_pool_0", "mode": 0o600, "overwrite": true, "contents": map[string]any{"source": "data:;base64,AAE="},
	}}
	data, err = json.Marshal(state)
	w.must(err)
	w.must(os.WriteFile(name, data, 0o600))
	root := filepath.Join(w.dir, "root")
	w.must(os.Mkdir(root, 0o755))
	w.stage("files", "hyperv", "--root", root).expect(t, 0, empty)
	got, err := os.ReadFile(filepath.Join(root, "var/lib/hyperv/.kvp_pool_0"))
	if err != nil || string(got) != "\x00\x01" {
		t.Errorf("the pool is %q, %v", got, err)
	}
}
