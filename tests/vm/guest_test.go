package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scenario is one case: it runs in the guest.
type scenario struct {
	name string
	run  func(g *guest)
}

// cases are all of them, by what they are about.
func cases() []scenario {
	var all []scenario
	for _, some := range [][]scenario{filesystemCases, mountCases, luksCases, cexCases, raidCases, partitionCases(), driveCases, troubleCases, clevisCases, inventoryCases, preflightCases, abDiskCases} {
		all = append(all, some...)
	}
	return all
}

// runCases runs those cases that are the turn of this machine.
func runCases(t *testing.T) {
	shard, shards := turn(t)
	for i, c := range cases() {
		if i%shards != shard {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			g := &guest{T: t, dir: t.TempDir(), root: t.TempDir()}
			c.run(g)
		})
	}
}

// turn is which machine this is, and of how many.
func turn(t *testing.T) (shard, shards int) {
	t.Helper()
	if _, err := fmt.Sscanf(os.Getenv(shardEnv), "%d/%d", &shard, &shards); err != nil {
		t.Fatalf("%s: %v", shardEnv, err)
	}
	return shard, shards
}

// toolLimit ends a program that hangs.
const toolLimit = 5 * time.Minute

// guest is a machine that is provisioned.
type guest struct {
	*testing.T
	dir   string // of the run: config, cache, state
	root  string // the root of the system to be
	names []string
	env   []string
	// ctx, unless it is nil, ends the engine before its end.
	ctx context.Context //nolint:containedctx // for a part of the test
	// progress is a file that gets the name of each stage.
	progress string
}

// disk adds a disk of a size in MiB; placeholders $disk0, $disk1 stand for them. The script
// is one of sfdisk(8); without one the disk has no table.
func (g *guest) disk(mib int, script string, options ...string) string {
	g.Helper()
	file := filepath.Join(g.dir, fmt.Sprintf("disk%d", len(g.names)))
	g.check(os.WriteFile(file, nil, 0o600))
	g.check(os.Truncate(file, int64(mib)<<20))
	if script != "" {
		cmd := exec.Command("sfdisk", "-q", file)
		cmd.Stdin = strings.NewReader(script)
		if said, err := cmd.CombinedOutput(); err != nil {
			g.Fatalf("sfdisk: %v\n%s", err, said)
		}
	}
	node := strings.TrimSpace(g.do("losetup", append([]string{"-f", "--show", "-P", file}, options...)...))
	g.names = append(g.names, node)
	g.Cleanup(func() { _ = exec.Command("losetup", "-d", node).Run() })
	g.do("udevadm", "settle")
	return node
}

func (g *guest) check(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// do runs a program that must not fail, and returns its output.
func (g *guest) do(name string, args ...string) string {
	g.Helper()
	ctx, cancel := context.WithTimeout(g.Context(), toolLimit)
	defer cancel()
	if g.Context().Err() != nil { // of a cleanup
		ctx = context.WithoutCancel(ctx)
	}
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		g.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fill replaces $disk0, $disk0p1 and so on in a text.
func (g *guest) fill(text string) string {
	for i := len(g.names) - 1; i >= 0; i-- {
		text = strings.ReplaceAll(text, fmt.Sprintf("$disk%d", i), g.names[i])
	}
	return text
}

// config is what the provider will give.
func (g *guest) config(version, body string, ignition ...string) {
	g.Helper()
	text := `{"ignition":{` + strings.Join(append(ignition, `"version":"`+version+`"`), ",") + `},` + g.fill(body) + "}"
	g.check(os.WriteFile(filepath.Join(g.dir, "config.ign"), []byte(text), 0o600))
	r := g.stage("fetch")
	if r.exit != 0 {
		g.Fatalf("fetch: %s", r.said)
	}
}

// storage is a config of the newest stable spec with a storage section.
func (g *guest) storage(body string) {
	g.Helper()
	g.config("3.6.0", `"storage":{`+body+`}`)
}

type ended struct {
	exit int
	said string
}

// stage runs one stage as the units of an initramfs do.
func (g *guest) stage(name string) ended {
	g.Helper()
	if g.progress != "" {
		g.check(os.WriteFile(g.progress, []byte(name), 0o600))
	}
	root := "/"
	if name != "fetch" && name != "disks" && name != "kargs" {
		root = g.root
	}
	return g.ignition("-platform=file", "--stage", name, "--root="+root, "--log-to-stdout",
		"--config-cache", filepath.Join(g.dir, "ignition.json"),
		"--state-file", filepath.Join(g.dir, "state"), "--neednet", filepath.Join(g.dir, "neednet"))
}

func (g *guest) ignition(args ...string) ended {
	g.Helper()
	ctx, cancel := context.WithTimeout(g.Context(), toolLimit)
	defer cancel()
	if g.ctx != nil {
		ctx = g.ctx
	}
	cmd := exec.CommandContext(ctx, os.Getenv(ignitionEnv), args...)
	cmd.WaitDelay = time.Second // a tool that it started may live on
	cmd.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+filepath.Join(g.dir, "config.ign"),
		"IGNITION_SYSTEM_RUNTIME_CONFIG_DIR="+g.dir, "IGNITION_SYSTEM_LOCAL_CONFIG_DIR="+g.dir, "IGNITION_SYSTEM_CONFIG_DIR="+g.dir)
	cmd.Env = append(cmd.Env, g.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	r := ended{}
	var failed *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &failed):
		r.exit = failed.ExitCode()
	case err != nil && g.ctx != nil && ctx.Err() != nil:
		r.exit = -1 // killed before it began
	case err != nil:
		g.Fatal(err)
	}
	r.said = out.String()
	if strings.Contains(r.said, "panic:") || strings.Contains(r.said, "goroutine ") {
		g.Errorf("ignition has crashed:\n%s", r.said)
	}
	return r
}

// passes runs stages that must succeed, without a word about anything critical.
func (g *guest) passes(stages ...string) string {
	g.Helper()
	said := ""
	for _, s := range stages {
		r := g.stage(s)
		if r.exit != 0 || strings.Contains(r.said, "CRITICAL") {
			g.Fatalf("stage %s ended with %d:\n%s", s, r.exit, r.said)
		}
		said += r.said
	}
	return said
}

// fails runs a stage that must fail, and says why; what was there is untouched.
func (g *guest) fails(stage string, why ...string) string {
	g.Helper()
	before := g.contents()
	r := g.stage(stage)
	if r.exit != 1 {
		g.Fatalf("stage %s ended with %d:\n%s", stage, r.exit, r.said)
	}
	for _, w := range why {
		if w = g.fill(w); !strings.Contains(r.said, w) {
			g.Errorf("stage %s does not say %q:\n%s", stage, w, r.said)
		}
	}
	if after := g.contents(); after != before {
		g.Errorf("stage %s has failed, and changed the disks", stage)
	}
	return r.said
}

// contents is a sum of all that is on the disks.
func (g *guest) contents() string {
	g.Helper()
	all := ""
	for _, n := range g.names {
		all += g.do("sha256sum", n)
	}
	return all
}

// links checks where a link below /dev/disk leads.
func (g *guest) links(name, want string) {
	g.Helper()
	if got, err := filepath.EvalSymlinks("/dev/disk/" + name); err != nil || got != g.fill(want) {
		g.Errorf("/dev/disk/%s leads to %q, not to %s: %v", name, got, g.fill(want), err)
	}
}

// blkid returns a property of a device as blkid(8) sees it.
func (g *guest) blkid(device, property string) string {
	g.Helper()
	out, _ := exec.Command("blkid", "-p", "-o", "value", "-s", property, g.fill(device)).Output()
	return strings.TrimSpace(string(out))
}

// is fails unless a device has properties: TYPE=ext4 LABEL=x.
func (g *guest) is(device string, want ...string) {
	g.Helper()
	for _, w := range want {
		property, value, _ := strings.Cut(w, "=")
		if got := g.blkid(device, property); got != value {
			g.Errorf("%s of %s is %q, want %q", property, g.fill(device), got, value)
		}
	}
}

// with mounts a device, does something in it, and unmounts it.
func (g *guest) with(device string, do func(dir string)) {
	g.Helper()
	dir := g.TempDir()
	g.do("mount", g.fill(device), dir)
	do(dir)
	g.do("umount", dir)
}

// hasFile fails unless there is a file on the file system of a device, or not.
func (g *guest) hasFile(device, name string, want bool) {
	g.Helper()
	g.with(device, func(dir string) {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			g.Errorf("file %s on %s: %v", name, g.fill(device), err)
		}
	})
}
