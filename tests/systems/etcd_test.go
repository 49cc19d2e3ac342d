// Package systems proves that the systems of a machine that documents have sections for
// come up as they are provisioned, and serve real clients.
package systems

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

const members = 3

// document is the config of one member; all differ by their number alone.
func document(n int) string {
	var cluster []string
	for i := 1; i <= members; i++ {
		cluster = append(cluster, fmt.Sprintf("member%d=http://10.77.0.%d:2380", i, i))
	}
	return fmt.Sprintf(`variant: linux
version: 1.0.0-experimental
etcd:
  version: 3.4.23
  name: member%[1]d
  initial_cluster: %[2]s
  initial_cluster_token: 100%% "ours"
  initial_advertise_peer_urls: http://10.77.0.%[1]d:2380
  listen_peer_urls: http://10.77.0.%[1]d:2380
  listen_client_urls: http://10.77.0.%[1]d:2379
  advertise_client_urls: http://10.77.0.%[1]d:2379
  heartbeat_interval: 500
  election_timeout: 5000
`, n, strings.Join(cluster, ","))
}

// TestEtcdCluster: three roots are provisioned from one document each, their units run in
// network namespaces of their own, and a client reads at one member what it wrote at
// another, also after one has died.
func TestEtcdCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	programs.Need(t, "root", "ip", "chroot", "ldd")
	server := filepath.Join(programs.DebianPackage(t, "etcd-server"), "usr/bin/etcd")
	client := filepath.Join(programs.DebianPackage(t, "etcd-client"), "usr/bin/etcdctl")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	spaces := network(t)
	var running []*exec.Cmd
	var ready []<-chan error
	for n := 1; n <= members; n++ {
		root := provision(t, document(n))
		install(t, root, server)
		cmd, up := start(ctx, t, root, "etcd.service", spaces[n-1])
		running, ready = append(running, cmd), append(ready, up)
	}
	for n, up := range ready {
		if err := <-up; err != nil {
			t.Fatalf("member %d does not get ready: %v\n%s", n+1, err, running[n].Stderr)
		}
	}
	// ask repeats what fails until there is no time left: members may be electing a leader
	ask := func(member int, args ...string) string {
		t.Helper()
		for {
			cmd := exec.CommandContext(ctx, "ip", append([]string{
				"netns", "exec", spaces[1], client, "--command-timeout=20s", "--endpoints=http://10.77.0." + strconv.Itoa(member) + ":2379",
			}, args...)...)
			cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err == nil {
				return string(out)
			}
			select {
			case <-ctx.Done():
				t.Fatalf("etcdctl %s at member %d: %v\n%s", strings.Join(args, " "), member, err, said.String())
			case <-time.After(time.Second):
			}
		}
	}
	ask(1, "put", "color", "red")
	if got := ask(3, "get", "--print-value-only", "color"); strings.TrimSpace(got) != "red" {
		t.Errorf("member 3 has %q, member 1 was told red", got)
	}
	if got := ask(2, "member", "list"); strings.Count(got, "started") != members {
		t.Errorf("the members are\n%s", got)
	}
	if err := running[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ask(2, "put", "color", "blue")
	if got := ask(3, "get", "--print-value-only", "color"); strings.TrimSpace(got) != "blue" {
		t.Errorf("after member 1 died member 3 has %q, member 2 was told blue", got)
	}
}

// network makes a network namespace for each member, joined by a bridge in one more.
func network(t *testing.T) []string {
	t.Helper()
	prefix := fmt.Sprintf("kindling-%d-", os.Getpid())
	add := func(name string) string {
		ip(t, "netns", "add", prefix+name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", prefix+name).Run() })
		return prefix + name
	}
	hub := add("hub")
	ip(t, "-n", hub, "link", "add", "bridge0", "type", "bridge")
	ip(t, "-n", hub, "link", "set", "bridge0", "up")
	var out []string
	for n := 1; n <= members; n++ {
		space, port := add(strconv.Itoa(n)), fmt.Sprintf("port%d", n)
		ip(t, "-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
		ip(t, "-n", hub, "link", "set", port, "master", "bridge0", "up")
		ip(t, "-n", space, "address", "add", fmt.Sprintf("10.77.0.%d/24", n), "dev", "eth0")
		ip(t, "-n", space, "link", "set", "eth0", "up")
		ip(t, "-n", space, "link", "set", "lo", "up")
		out = append(out, space)
	}
	return out
}

func ip(t *testing.T, args ...string) { t.Helper(); programs.Output(t, exec.Command("ip", args...)) }

// provision applies a document to a new root.
func provision(t *testing.T, document string) (root string) {
	t.Helper()
	root = t.TempDir()
	programs.Must(t, os.Chmod(root, 0o755))
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n",
		"etc/shadow": "root:*:19000:0:99999:7:::\n", "etc/gshadow": "root:*::\n",
	} {
		programs.Must(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
		programs.Must(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	config := filepath.Join(t.TempDir(), "config.ign")
	cmd := exec.Command(programs.Path(t, "butane"), "--strict", "-o", config)
	cmd.Stdin = strings.NewReader(document)
	programs.Output(t, cmd)
	programs.Output(t, exec.Command(programs.Path(t, "ignition"), "apply", "--root", root, config))
	return root
}

// install copies a program of the distribution to a root, with what it is linked with.
func install(t *testing.T, root, program string) {
	t.Helper()
	place(t, program, filepath.Join(root, "usr/bin", filepath.Base(program)))
	linked, err := exec.Command("ldd", program).CombinedOutput()
	if err != nil {
		return // static
	}
	for _, word := range strings.Fields(string(linked)) {
		if strings.HasPrefix(word, "/") {
			place(t, word, filepath.Join(root, word))
		}
	}
}

func place(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	programs.Must(t, err)
	programs.Must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	programs.Must(t, os.WriteFile(to, text, 0o755))
}

// start runs the command line of a unit as systemd would: in its root, as its user, with
// its state directory. The channel tells when it says that it is ready.
func start(ctx context.Context, t *testing.T, root, unit, space string) (*exec.Cmd, <-chan error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system", unit))
	programs.Must(t, err)
	if _, err := os.Readlink(filepath.Join(root, "etc/systemd/system/multi-user.target.wants", unit)); err != nil {
		t.Logf("no link enables the unit; a preset does: %v", err)
	}
	options := map[string]string{}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			options[name] = value
		}
	}
	uid, gid := account(t, root, options["User"])
	state := filepath.Join(root, "var/lib", options["StateDirectory"])
	programs.Must(t, os.MkdirAll(state, 0o755))
	programs.Must(t, os.Chmod(state, 0o700))
	programs.Must(t, os.Chown(state, uid, gid))
	programs.Must(t, os.MkdirAll(filepath.Join(root, "run"), 0o755))
	socket := filepath.Join(root, "run/notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	programs.Must(t, err)
	programs.Must(t, os.Chmod(socket, 0o777))
	t.Cleanup(func() { _ = notify.Close() })

	// systemd and shells agree on these quotes; the doubled signs are systemd's alone
	line := strings.NewReplacer("%%", "%", "$$", `\$`).Replace(options["ExecStart"])
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("exec ip netns exec %s chroot --userspec=%d:%d %s %s", space, uid, gid, root, line))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=/run/notify"}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	programs.Must(t, cmd.Start())
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-exited })
	ready := make(chan error, 1)
	go func() {
		deadline, _ := ctx.Deadline()
		_ = notify.SetReadDeadline(deadline)
		for buffer := make([]byte, 4096); ; {
			n, err := notify.Read(buffer)
			switch {
			case err != nil:
				ready <- err
				return
			case strings.Contains(string(buffer[:n]), "READY=1"):
				ready <- nil
				return
			}
		}
	}()
	return cmd, ready
}

// account finds a user in the files of a root.
func account(t *testing.T, root, name string) (uid, gid int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	programs.Must(t, err)
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); f[0] == name && len(f) > 3 {
			uid, errU := strconv.Atoi(f[2])
			gid, errG := strconv.Atoi(f[3])
			programs.Must(t, errors.Join(errU, errG))
			return uid, gid
		}
	}
	t.Fatalf("no user %q was made:\n%s", name, text)
	return 0, 0
}
