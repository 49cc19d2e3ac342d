package blackbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// status runs ignition status on the target.
func (x *target) status(args ...string) result {
	x.t.Helper()
	return run(x.t, "", nil, "ignition", append([]string{"status", "--root", x.root, "--run-dir", x.work}, args...)...)
}

func TestStatusAndProgressOfASuccess(t *testing.T) {
	needRoot(t)
	x := newTarget(t, "dir etc")
	if r := x.status(); r.exit != 3 || !strings.Contains(r.stdout, "never provisioned") {
		t.Errorf("before: %+v", r)
	}
	console := filepath.Join(x.work, "console")
	must(t, os.WriteFile(console, nil, 0o600))
	cfg := x.storage(`"files":[{"path":"/etc/motd","contents":{"source":"data:,s3cret"}}]`)
	for _, stage := range []string{"fetch-offline", "kargs", "disks", "mount", "files"} {
		if r := run(t, "", []string{"IGNITION_CONFIG_FILE=" + cfg}, "ignition", append(x.stageArgs(stage), "--consoles", console)...); r.exit != 0 {
			t.Fatalf("%s: %s", stage, r.all())
		}
	}
	shown, err := os.ReadFile(console)
	must(t, err)
	for _, want := range []string{"ignition: files 1/", ": file /etc/motd\r\n", "ignition: provisioned in "} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("the console does not show %q:\n%s", want, shown)
		}
	}
	r := x.status()
	for _, want := range []string{"state:        provisioned", cfg, "sha512:", "attempts:     1"} {
		if r.exit != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("status does not say %q: %+v", want, r)
		}
	}
	r = x.status("--format", "json")
	var got struct {
		State        string
		Provisioning struct {
			Operations, Attempts int
			Stages               []struct{ Name, Result string }
		}
	}
	must(t, json.Unmarshal([]byte(r.stdout), &got))
	if p := got.Provisioning; got.State != "provisioned" || p.Operations != 1 || p.Attempts != 1 || len(p.Stages) != 5 || p.Stages[4].Result != "finished" {
		t.Errorf("status as JSON: %s", r.stdout)
	}
	if strings.Contains(r.all()+string(shown), "s3cret") {
		t.Error("contents of the config are shown")
	}
	if r := run(t, "", nil, "ignition", "verdict", "--run-dir", x.work); r.exit != 1 {
		t.Errorf("verdict: %+v", r)
	}
}

func TestStatusOfAMachineProvisionedByAnotherProgram(t *testing.T) {
	x := newTarget(t, `file etc/.ignition-result.json {"provisioningBootID":"b","provisioningDate":"2025-01-01T00:00:00Z","userConfigProvided":true}`)
	if r := x.status(); r.exit != 0 || !strings.Contains(r.stdout, "2025-01-01T00:00:00Z") {
		t.Errorf("%+v", r)
	}
}

// TestVerdictsAreCounted: three boots fail, two of them with the same config, and the
// next one does not.
func TestVerdictsAreCounted(t *testing.T) {
	needRoot(t)
	x := newTarget(t, "dir etc/secret/inside")
	must(t, syscall.Mount(x.root, x.root, "", syscall.MS_BIND, "")) // what is mounted is kept in
	t.Cleanup(func() { _ = syscall.Unmount(x.root, syscall.MNT_DETACH) })
	attempt := func(cfg, id string) result {
		t.Helper()
		if r := x.files(cfg); r.exit == 0 {
			t.Fatalf("nothing has failed: %s", r.all())
		}
		// units do this when they are stopped after a failure, which must not be forgotten
		run(t, "", []string{"IGNITION_CONFIG_FILE=" + cfg}, "ignition", x.stageArgs("umount")...)
		// another boot has another id
		name := filepath.Join(x.work, "failure.json")
		data, err := os.ReadFile(name)
		must(t, err)
		var f map[string]any
		must(t, json.Unmarshal(data, &f))
		f["bootID"] = id
		data, err = json.Marshal(f)
		must(t, err)
		must(t, os.WriteFile(name, data, 0o600))
		for range 2 { // a boot counts once
			if r := run(t, "", nil, "ignition", "verdict", "--run-dir", x.work, "--keep", "--root", x.root); r.exit != 0 {
				t.Fatalf("verdict: %+v", r)
			}
		}
		return run(t, "", nil, "ignition", "verdict", "--run-dir", x.work)
	}
	conflict := x.config(`,"storage":{"files":[` + "\n" + `{"path":"/etc/secret","contents":{"source":"data:,s3cret"}}]}`)
	text, err := os.ReadFile(conflict)
	must(t, err)
	conflict = filepath.Join(x.work, "conflict.ign")
	must(t, os.WriteFile(conflict, text, 0o600))

	if r := attempt(conflict, "1"); strings.Contains(r.stdout, "attempt") || !strings.Contains(r.stdout, conflict+":2:2)") ||
		!strings.Contains(r.stdout, `"path":"/etc/secret"`) || !strings.Contains(r.stdout, "try       set overwrite: true") {
		t.Errorf("a file in the way: %s", r.stdout)
	}
	bad := x.storage(`"files":[{"path":"/etc/motd","contents":{"source":"data:,s3cret"},"mode":"0644"}]`)
	if r := attempt(bad, "2"); !strings.Contains(r.stdout, "attempt 2, the first one with this config") || !strings.Contains(r.stdout, `"mode":"0644"`) {
		t.Errorf("a broken config: %s", r.stdout)
	}
	r := attempt(bad, "3")
	if !strings.Contains(r.stdout, "attempt 3, and attempt 2 with the same config") {
		t.Errorf("the same config: %s", r.stdout)
	}
	for _, line := range strings.Split(r.stdout, "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("a line is too long: %q", line)
		}
	}
	if n := strings.Count(r.stdout, "\n"); n > 24 {
		t.Errorf("the verdict has %d lines", n)
	}
	if s := x.status(); s.exit != 4 || strings.Contains(s.all()+r.all(), "s3cret") {
		t.Errorf("status: %+v", s)
	}

	if r := x.files(x.storage(`"files":[{"path":"/etc/motd","contents":{"source":"data:,s3cret"}}]`)); r.exit != 0 {
		t.Fatal(r.all())
	}
	if s := x.status(); s.exit != 0 || !strings.Contains(s.stdout, "attempts:     4") || !strings.Contains(s.stdout, "failed at ") {
		t.Errorf("status after all: %+v", s)
	}
	x.expect("etc/.ignition-attempts.json absent")
}

// TestAStoppedConsoleHoldsUpNothing: a pipe that nobody reads is full at once.
func TestAStoppedConsoleHoldsUpNothing(t *testing.T) {
	needRoot(t)
	x := newTarget(t, "dir etc")
	pipe := filepath.Join(x.work, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	r, err := os.OpenFile(pipe, os.O_RDWR, 0)
	must(t, err)
	defer r.Close()
	full := make([]byte, 1<<16) // pipe(7)
	_, err = r.Write(full)
	must(t, err)
	cfg := x.storage(`"files":[{"path":"/etc/motd","contents":{"source":"data:,x"}}]`)
	for _, stage := range []string{"fetch-offline", "files"} {
		if r := run(t, "", []string{"IGNITION_CONFIG_FILE=" + cfg}, "ignition", append(x.stageArgs(stage), "--consoles", pipe+",/nowhere")...); r.exit != 0 {
			t.Fatalf("%s: %s", stage, r.all())
		}
	}
}
