package systems

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// fleetLock is a FleetLock server for one machine at a time:
// https://github.com/coreos/airlock, docs/fleetlock.md
type fleetLock struct {
	mu      sync.Mutex
	holder  string
	refused chan string // machines that were told to wait
}

func (l *fleetLock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ClientParams struct{ ID, Group string } `json:"client_params"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	id := body.ClientParams.ID
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil, r.Method != http.MethodPost, r.Header.Get("fleet-lock-protocol") != "true", id == "", body.ClientParams.Group != "web":
		http.Error(w, `{"kind": "invalid_client_identity", "value": ""}`, http.StatusBadRequest)
	case r.URL.Path == "/v1/steady-state" && l.holder == id:
		l.holder = ""
	case r.URL.Path == "/v1/steady-state":
	case r.URL.Path == "/v1/pre-reboot" && (l.holder == "" || l.holder == id):
		l.holder = id
	case r.URL.Path == "/v1/pre-reboot":
		select {
		case l.refused <- id:
		default:
		}
		http.Error(w, `{"kind": "failed_lock", "value": ""}`, http.StatusConflict)
	default:
		http.NotFound(w, r)
	}
}

// TestFleetLock: of two machines that are provisioned alike, the second waits to reboot
// until the first is up again.
func TestFleetLock(t *testing.T) {
	programs.Need(t, "root", "curl")
	lock := &fleetLock{refused: make(chan string, 1)}
	server := httptest.NewServer(lock)
	defer server.Close()
	root := provision(t, fmt.Sprintf(`variant: linux
version: 1.0.0-experimental
reboot:
  strategy: fleet-lock
  server: %s
  group: web
  window_start: Sun 04:00
  window_length: 2h
`, server.URL))
	programs.Output(t, command(t, root, "reboot-when-needed.service", "one"))
	second := command(t, root, "reboot-when-needed.service", "two")
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Process.Kill() }()
	select {
	case id := <-lock.refused:
		if id != "two" {
			t.Errorf("%q was told to wait", id)
		}
	case <-time.After(time.Minute):
		t.Fatal("the second machine does not ask")
	}
	programs.Output(t, command(t, root, "fleet-unlock.service", "one"))
	if err := second.Wait(); err != nil {
		t.Errorf("the second machine does not get the lock: %v", err)
	}
	if lock.mu.Lock(); lock.holder != "two" {
		t.Errorf("%q has the lock", lock.holder)
	}
	lock.mu.Unlock()
}

// command is the first command of a unit, as systemd runs it on a machine.
func command(t *testing.T, root, unit, machine string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system", unit))
	programs.Must(t, err)
	for line := range strings.Lines(string(text)) {
		script, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=/bin/sh -c '")
		if ok {
			// systemd.syntax(7): escapes count in single quotes too
			script = strings.NewReplacer(`\\`, `\`, "%m", machine, "sleep 10", "sleep 1").Replace(strings.TrimSuffix(script, "'"))
			return exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
		}
	}
	t.Fatalf("%s asks for no lock:\n%s", unit, text)
	return nil
}
