package blackbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	x := newTarget(t)
	warned := x.config(`,"extra":1`)
	must(t, os.Rename(warned, warned+".warned"))
	warned += ".warned"
	valid := x.config("")
	invalid := filepath.Join(x.work, "invalid.ign")
	must(t, os.WriteFile(invalid, []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"relative"}]}}`), 0o600))
	empty := filepath.Join(x.work, "empty.ign")
	must(t, os.WriteFile(empty, nil, 0o600))
	for _, c := range []struct {
		name    string
		program string
		args    []string
		exit    int
		says    string // anywhere
		stdout  string // begins so
	}{
		{"version with one dash", "ignition", []string{"-version"}, 0, "", "Ignition "},
		{"version with two dashes", "ignition", []string{"--version"}, 0, "", "Ignition "},
		{"help", "ignition", []string{"-h"}, 0, "config-cache", ""},
		{"no platform", "ignition", []string{"--stage=files"}, 2, "platform", ""},
		{"no stage", "ignition", []string{"-platform", "file"}, 2, "stage", ""},
		{"nothing at all names the platform first", "ignition", nil, 2, "'--platform' must", ""},
		{"unknown platform", "ignition", []string{"--platform=toaster", "--stage=files"}, 2, "qemu", ""},
		{"unknown stage", "ignition", []string{"--platform=file", "--stage=cook"}, 2, "umount", ""},
		{"unknown flag", "ignition", []string{"--cook"}, 2, "cook", ""},
		{"bad duration", "ignition", []string{"--fetch-timeout=soon"}, 2, "soon", ""},
		{"stage without cache", "ignition", []string{"--platform=file", "--stage=files", "--log-to-stdout", "--root", x.root, "--config-cache", filepath.Join(x.work, "no"), "--state-file", filepath.Join(x.work, "s")}, 1, "CRITICAL :", ""},
		{"state that is no file", "ignition", []string{"--platform=file", "--stage=files", "--log-to-stdout", "--state-file", x.work}, 3, "read state", ""},
		{"unknown platform that another program knows", "ignition", []string{"--stage=fetch", "--platform=ec2"}, 2, "did you mean aws?", ""},

		{"validate a valid config", "ignition-validate", []string{valid}, 0, "", ""},
		{"validate by subcommand", "ignition", []string{"validate", invalid}, 1, "", "error at $.storage.files.0.path, line 1 col "},
		{"validate with warnings only", "ignition-validate", []string{warned}, 0, "", "warning at $.extra, line 1 col "},
		{"validate without argument", "ignition-validate", nil, 1, "Usage: ", ""},
		{"validate two files", "ignition-validate", []string{valid, valid}, 1, "Usage: ", ""},
		{"validate what is not there", "ignition-validate", []string{"/no/such/file"}, 1, "no such file", ""},
		{"validate an empty file", "ignition-validate", []string{empty}, 1, "empty", ""},
		{"validate version", "ignition-validate", []string{"-version"}, 0, "", "Ignition "},
		{"validate as data", "ignition-validate", []string{"--format", "json", invalid}, 1, `"severity": "error"`, "["},
		{"validate in another form", "ignition-validate", []string{"--format", "xml", invalid}, 2, "xml", ""},

		{"apply without argument", "ignition-apply", nil, 1, "Usage: ", ""},
		{"apply with two arguments", "ignition", []string{"apply", valid, valid}, 1, "Usage: ", ""},
		{"apply with an unknown flag", "ignition-apply", []string{"--cook", valid}, 2, "cook", ""},
		{"apply help", "ignition-apply", []string{"--help"}, 0, "ignore-unsupported", ""},
		{"apply version", "ignition-apply", []string{"--version"}, 0, "", "Ignition "},
		{"flags after the config", "ignition", []string{"apply", valid, "--root", x.root}, 0, "nothing to do", ""},
		{"apply an invalid config", "ignition", []string{"apply", "--root", x.root, invalid}, 1, "invalid.ign:1:", ""},
		{"apply to a root that is not there", "ignition", []string{"apply", "--root", "/no/such/root", valid}, 1, "/no/such/root", ""},
		{"plan in another form", "ignition", []string{"plan", "--format=xml", valid}, 2, "xml", ""},

		{"rmcfg without platform", "ignition-rmcfg", nil, 2, "platform", ""},
		{"rmcfg with an unknown platform", "ignition-rmcfg", []string{"--platform=toaster"}, 2, "qemu", ""},
		{"rmcfg with an argument", "ignition-rmcfg", []string{"--platform=qemu", "x"}, 2, "no arguments", ""},
		{"rmcfg where nothing can be deleted", "ignition", []string{"rmcfg", "--platform=qemu", "--log-to-stdout"}, 1, "does not support", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, "", nil, c.program, c.args...)
			if r.exit != c.exit || !strings.Contains(r.all(), c.says) || !strings.HasPrefix(r.stdout, c.stdout) {
				t.Errorf("exit %d, want %d, %q and %q:\n%s", r.exit, c.exit, c.says, c.stdout, r.all())
			}
		})
	}
}

func TestApplyInAndOutsideOfContainers(t *testing.T) {
	if _, err := os.Stat("/.dockerenv"); err == nil {
		t.Skip("this is a container")
	}
	if _, err := os.Stat("/run/.containerenv"); err == nil {
		t.Skip("this is a container")
	}
	x := newTarget(t, accounts...)
	config := x.config(`,"passwd":{"groups":[{"name":"web"}]},"storage":{"files":[{"path":"/x"}]}`)
	for _, c := range []struct {
		name, program string
		env           []string
		args          []string
		exit          int
		says          string
	}{
		{"the contract refuses outside", "ignition-apply", []string{"container="}, nil, 1, "not a container"},
		{"the contract refuses accounts inside", "ignition-apply", []string{"container=podman"}, nil, 1, "--ignore-unsupported"},
		{"the contract leaves accounts out", "ignition-apply", []string{"container=podman"}, []string{"--ignore-unsupported"}, 0, "writing file"},
		{"the running system is left alone", "ignition", []string{"container="}, []string{"apply", "--root", "/"}, 1, "not a container"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if c.program == "ignition-apply" {
				args = append(args, "--root", x.root)
			}
			r := run(t, "", c.env, c.program, append(args, config)...)
			if r.exit != c.exit || !strings.Contains(r.all(), c.says) {
				t.Errorf("exit %d, want %d and %q:\n%s", r.exit, c.exit, c.says, r.all())
			}
		})
	}
	x.expect(`x -rw-r--r--`)
	x.expectRecord("group", "web", "")
}

func TestSectionsOfMachinesAreRefusedForADirectory(t *testing.T) {
	x := newTarget(t)
	config := x.config(`,"kernelArguments":{"shouldExist":["quiet"]},"storage":{"disks":[{"device":"/dev/sda"}],"files":[{"path":"/x"}]}`)
	r := x.apply(config)
	if r.exit != 1 || !strings.Contains(r.stderr, "kernel argument quiet") || !strings.Contains(r.stderr, "disk /dev/sda") || !strings.Contains(r.stderr, "only a machine has that") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect("x absent")
	r = run(t, "", nil, "ignition", "apply", "--ignore-unsupported", "--root", x.root, config)
	if r.exit != 0 {
		t.Fatal(r.all())
	}
	x.expect("x -rw-r--r--")
}

func TestKernelArgumentsAreLeftToTheHelper(t *testing.T) {
	x := newTarget(t)
	config := x.config(`,"kernelArguments":{"shouldExist":["a=b","quiet"],"shouldNotExist":["c d"]}`)
	r := x.files(config, "PATH=/nowhere")
	if r.exit != 1 || !strings.Contains(r.stdout, "find ignition-kargs-helper: the program is not installed") {
		t.Errorf("without the helper: exit %d\n%s", r.exit, r.all())
	}
	if r := run(t, "", []string{"IGNITION_CONFIG_FILE=" + config, "PATH=/nowhere"}, "ignition", x.stageArgs("kargs")...); !strings.Contains(r.stdout, "asked by: kernelArguments.shouldExist[0] ("+config+":1:") {
		t.Errorf("it does not say who asked for them:\n%s", r.all())
	}
	said := filepath.Join(x.work, "said")
	helper := filepath.Join(x.work, "bin/ignition-kargs-helper")
	must(t, os.MkdirAll(filepath.Dir(helper), 0o755))
	for status, want := range []int{0, 1} {
		must(t, os.RemoveAll(said))
		must(t, os.WriteFile(helper, fmt.Appendf(nil, "#!/bin/sh\nprintf '[%%s]' \"$@\" >>%s\nexit %d\n", said, status), 0o755))
		r := run(t, "", []string{"IGNITION_CONFIG_FILE=" + config, "PATH=" + filepath.Dir(helper) + ":" + os.Getenv("PATH")}, "ignition", x.stageArgs("kargs")...)
		if r.exit != want {
			t.Errorf("the helper ends with %d: exit %d\n%s", status, r.exit, r.all())
		}
		got, _ := os.ReadFile(said)
		if string(got) != "[--should-exist][a=b][--should-exist][quiet][--should-not-exist][c d]" {
			t.Errorf("the helper was called with %s", got)
		}
	}
	config = x.config("")
	must(t, os.RemoveAll(said))
	if r := x.files(config, "PATH="+filepath.Dir(helper)+":"+os.Getenv("PATH")); r.exit != 0 {
		t.Error(r.all())
	}
	if _, err := os.Stat(said); err == nil {
		t.Error("the helper was called without a reason")
	}
}

func TestStages(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	must(t, os.MkdirAll(filepath.Join(x.work, "usr/base.d"), 0o755))
	must(t, os.WriteFile(filepath.Join(x.work, "usr/base.d/10-base.ign"), []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/base","contents":{"source":"data:,base"}},{"path":"/both","contents":{"source":"data:,base"}}]}}`), 0o600))
	must(t, os.WriteFile(filepath.Join(x.work, "usr/base.d/README"), []byte("no config"), 0o600))
	config := x.storage(`"files":[
{"path":"/user","contents":{"source":"data:,user"}},
{"path":"/both","contents":{"source":"data:,user"}}]`)
	r := x.files(config)
	if r.exit != 0 || strings.Contains(r.all(), "CRITICAL") {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect(`base "base"`, `both "user"`, `user "user"`, `etc/.ignition-result.json -rw------- 0:0`)
	for _, want := range []string{"INFO     : Ignition ", "INFO     : Stage: files", "[started]  writing file", "[finished] writing file", "INFO     : files: files passed", "INFO     : Ignition finished successfully"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the log lacks %q:\n%s", want, r.stdout)
		}
	}
	for name, mode := range map[string]os.FileMode{"ignition.json": 0o640, "state": 0o600} {
		if info, err := os.Stat(filepath.Join(x.work, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(x.work, "neednet")); err == nil {
		t.Error("the network is asked for")
	}
	report := x.report()
	if !report.UserConfigProvided || report.ProvisioningBootID == "" || report.PreviousReport != nil {
		t.Errorf("the report is %+v", report)
	}

	// once more, as after a failure of something later
	if r := x.files(config); r.exit != 0 || !strings.Contains(r.stdout, "WARNING  : files: the system was provisioned before") {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	if x.report().PreviousReport == nil {
		t.Error("the former report is lost")
	}
	for range 12 {
		x.files(config)
	}
	must(t, os.WriteFile(filepath.Join(x.root, "etc/.ignition-result.json"), []byte("no json"), 0o600))
	if r := x.files(config); r.exit != 0 {
		t.Fatalf("a broken report stops provisioning:\n%s", r.all())
	}
	if string(x.report().PreviousReport) != `"no json"` {
		t.Errorf("the broken report is kept as %s", x.report().PreviousReport)
	}
	state, err := os.ReadFile(filepath.Join(x.work, "state"))
	must(t, err)
	if n := strings.Count(string(state), `"base"`); n != 1 {
		t.Errorf("the state has the base config %d times: %s", n, state)
	}
}

type report struct {
	ProvisioningBootID, ProvisioningDate string
	UserConfigProvided                   bool
	PreviousReport                       json.RawMessage
}

func (x *target) report() (r report) {
	x.t.Helper()
	data, err := os.ReadFile(filepath.Join(x.root, "etc/.ignition-result.json"))
	must(x.t, err)
	must(x.t, json.Unmarshal(data, &r))
	if depth := strings.Count(string(data), "provisioningDate"); depth > 11 {
		x.t.Errorf("%d reports are nested", depth)
	}
	return r
}

// TestLinesOfTheLogAreThoseOfTheOriginal, by which people search: what Debian's package of
// Ignition 2.14 writes for the same config.
func TestLinesOfTheLogAreThoseOfTheOriginal(t *testing.T) {
	needRoot(t, "usermod", "userdel")
	x := newTarget(t, append(accounts, "link etc/systemd/system/m.service /dev/null")...)
	r := x.files(x.config(`,"passwd":{"users":[{"name":"root","gecos":"Admin","sshAuthorizedKeys":["` + key + `"]},{"name":"old","shouldExist":false}]},
"storage":{"files":[{"path":"/f","contents":{"source":"data:,x"}}],"links":[{"path":"/l","target":"/x"}]},
"systemd":{"units":[{"name":"n.service","contents":"[Unit]\n","dropins":[{"name":"a.conf","contents":"[Unit]\n"}]},{"name":"m.service","mask":false},{"name":"k.service","mask":true}]}`))
	if r.exit != 0 {
		t.Fatal(r.all())
	}
	for _, want := range []string{
		"Stage: files\n", `files: ensureUsers: op(1): [started]  creating or modifying user "root"`, `files: ensureUsers: op(1): [finished] creating or modifying user "root"`,
		`files: ensureUsers: op(2): [started]  adding ssh keys to user "root"`, `files: ensureUsers: op(3): [finished] deleting user "old"`,
		`files: createFilesystemsFiles: createFiles: op(4): [started]  writing file "ROOT/f"`, `files: createFilesystemsFiles: createFiles: op(5): [finished] writing link "ROOT/l" -> "/x"`,
		`: [started]  writing systemd drop-in "a.conf" at "ROOT/etc/systemd/system/n.service.d/a.conf"`, `: [finished] writing unit "n.service" at "ROOT/etc/systemd/system/n.service"`,
		`: [started]  unmasking unit "m.service"`, `: [finished] masking unit "k.service"`, `: [started]  writing file "ROOT/etc/.ignition-result.json"`,
		"files: files passed\n", "Ignition finished successfully\n",
	} {
		if !strings.Contains(r.stdout, strings.ReplaceAll(want, "ROOT", x.root)) {
			t.Errorf("%q is not in the log:\n%s", want, r.stdout)
		}
	}
}

func TestFailureNamesTheLineOfTheDocumentAndNoSecret(t *testing.T) {
	x := newTarget(t, "file a old")
	config := x.config(`,"passwd":{"users":[{"name":"core","passwordHash":"$6$hush"}]},"storage":{"files":[
{"path":"/s","mode":384,"contents":{"source":"data:,top-hush"}},

  {"path":"/a","contents":{"source":"data:,new"}}]}`)
	r := x.files(config)
	if r.exit != 1 || !strings.Contains(r.stdout, "CRITICAL : files: file /a: a regular file is already there") ||
		!strings.Contains(r.stdout, "CRITICAL :   asked by: storage.files[1] ("+config+":4:") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	if strings.Contains(r.all(), "hush") {
		t.Errorf("a secret is shown:\n%s", r.all())
	}
}

func TestNeedNet(t *testing.T) {
	for _, c := range []struct {
		name, body  string
		flag, cache bool
		user        bool
	}{
		{"nothing remote", `,"storage":{"files":[{"path":"/x","contents":{"source":"data:,x"}}]}`, false, true, true},
		{"a remote file", `,"storage":{"files":[{"path":"/x","contents":{"source":"https://example.com/x"}}]}`, true, true, true},
		{"a remote appendix", `,"storage":{"files":[{"path":"/x","append":[{"source":"tftp://example.com/x"}]}]}`, true, true, true},
		{"a Tang server without advertisement", `,"storage":{"luks":[{"name":"x","device":"/dev/x","clevis":{"tang":[{"url":"http://t","thumbprint":"x"}]}}]}`, true, true, true},
		{"a Tang server with advertisement", `,"storage":{"luks":[{"name":"x","device":"/dev/x","clevis":{"tang":[{"url":"http://t","thumbprint":"x","advertisement":"{}"}]}}]}`, false, true, true},
		{"a custom pin that needs the network", `,"storage":{"luks":[{"name":"x","device":"/dev/x","clevis":{"custom":{"pin":"tang","config":"{}","needsNetwork":true}}}]}`, true, true, true},
		{"a custom pin that does not", `,"storage":{"luks":[{"name":"x","device":"/dev/x","clevis":{"custom":{"pin":"tpm2","config":"{}"}}}]}`, false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t)
			x.checkNeedNet(x.config(c.body), c.flag, c.cache, c.user)
		})
	}
	t.Run("a remote reference", func(t *testing.T) {
		x := newTarget(t)
		name := filepath.Join(x.work, "config.ign")
		must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"https://example.com/x"}]}}}`), 0o600))
		x.checkNeedNet(name, true, false, true)
	})
	t.Run("an empty config", func(t *testing.T) {
		x := newTarget(t)
		name := filepath.Join(x.work, "config.ign")
		must(t, os.WriteFile(name, nil, 0o600))
		x.checkNeedNet(name, false, true, false)
	})
}

func (x *target) checkNeedNet(config string, flag, cache, user bool) {
	x.t.Helper()
	r := run(x.t, "", []string{"IGNITION_CONFIG_FILE=" + config}, "ignition", x.stageArgs("fetch-offline")...)
	if r.exit != 0 {
		x.t.Fatal(r.all())
	}
	for name, want := range map[string]bool{"neednet": flag, "ignition.json": cache} {
		if _, err := os.Stat(filepath.Join(x.work, name)); (err == nil) != want {
			x.t.Errorf("%s: %v, want it: %t", name, err, want)
		}
	}
	state, err := os.ReadFile(filepath.Join(x.work, "state"))
	must(x.t, err)
	if got := strings.Contains(string(state), `"kind":"user"`); got != user {
		x.t.Errorf("the state is %s", state)
	}
}

func TestReferencesBetweenConfigs(t *testing.T) {
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	inline := func(s string) string { return "data:;base64," + base64.StdEncoding.EncodeToString([]byte(s)) }
	child := inline(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/x","contents":{"source":"data:,child"}}]}}`)
	for _, c := range []struct {
		name, refs string
		exit       int
		says       string
	}{
		{"merge lets the child win", `"merge":[{"source":"` + child + `"}]`, 0, ""},
		{"replace drops the parent", `"replace":{"source":"` + child + `"}`, 0, ""},
		{"an empty reference is an error", `"merge":[{"source":"data:,"}]`, 1, "it is empty"},
		{"a broken reference is named", `"merge":[{"source":"data:,nonsense"}]`, 1, "config.ign#ignition.config.merge[0]"},
		{"a reference with the wrong hash", `"merge":[{"source":"` + child + `","verification":{"hash":"sha256-` + strings.Repeat("0", 64) + `"}}]`, 1, "hash does not match"},
		{"a reference to what a server does not have", `"merge":[{"source":"` + nothing.URL + `/x?token=hush"}]`, 1, "HTTP status 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t)
			name := filepath.Join(x.work, "config.ign")
			must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0","config":{`+c.refs+`}},"storage":{"files":[{"path":"/x","contents":{"source":"data:,parent"}}]}}`), 0o600))
			r := x.apply(name)
			if r.exit != c.exit || !strings.Contains(r.stderr, c.says) || strings.Contains(r.all(), "hush") {
				t.Fatalf("exit %d, want %d and %q:\n%s", r.exit, c.exit, c.says, r.all())
			}
			if c.exit == 0 {
				x.expect(`x "child"`)
			}
		})
	}
}

// Contents of files may be secrets that nothing marks as such, and logs of boots are kept.
func TestLogOfABrokenConfigHasNoContents(t *testing.T) {
	x := newTarget(t)
	r := x.files(x.storage(`"files":[{"path":"/k","contents":{"source":"data:,hush\"hush"},"mode":"0600"},{"path":"/l","contents":{"source":"data:;base64,aHVzaA==hush"}}]`))
	if r.exit != 1 || !strings.Contains(r.all(), `"mode":"0600"`) || !strings.Contains(r.all(), `"source":"data:`) {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	if strings.Contains(r.all(), "hush") {
		t.Errorf("contents of a file are shown:\n%s", r.all())
	}
}
