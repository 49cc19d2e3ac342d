package linux

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// verify lets systemd load units of a root with the programs that they start, and
// report what it does not understand.
func verify(t *testing.T, root string, units ...string) {
	t.Helper()
	for _, name := range []string{"mkdir", "rm", "touch", "chattr", "dd", "mkswap", "mv", "find", "podman"} {
		write(t, filepath.Join(root, "usr/bin", name), "", 0o755)
	}
	if err := os.MkdirAll(filepath.Join(root, "usr/lib/systemd"), 0o755); err != nil {
		t.Fatal(err)
	}
	programs.Output(t, exec.Command("cp", "-r", "/lib/systemd/system", filepath.Join(root, "usr/lib/systemd")))
	if said := programs.Output(t, exec.Command("systemd-analyze", append([]string{"verify", "--man=no", "--recursive-errors=no", "--root", root}, units...)...)); said != "" {
		t.Errorf("systemd says %s", said)
	}
}

// TestMounts: systemd loads the units, and they say what the document does.
func TestMounts(t *testing.T) {
	programs.Need(t, "root", "systemd-analyze")
	root := provision(t, `mounts:
  - what: LABEL=data
    path: /srv/100%-data
    format: xfs
    options: [noatime, "x-systemd.device-timeout=5%"]
  - {what: "files.example.com:/export/my media", path: /srv/media, format: nfs, automount: true, idle_timeout_seconds: 60}
  - {what: /srv/media, path: /srv/bound, options: [bind, nofail]}
  - {path: /var/cache/app, format: tmpfs, options: [size=10m]}
swap:
  - {path: /var/swapfile, size_mib: 1, priority: 5}
  - {device: /dev/disk/by-partlabel/swap}
`)
	units := filepath.Join(root, "etc/systemd/system")
	verify(t, root, `srv-100\x25\x2ddata.mount`, "srv-media.mount", "srv-media.automount", "srv-bound.mount", "var-cache-app.mount",
		"var-swapfile.swap", "dev-disk-by\\x2dpartlabel-swap.swap", "butane-swapfile-var-swapfile.service")
	for link, wanted := range map[string]bool{
		`local-fs.target.requires/srv-100\x25\x2ddata.mount`: true,
		"remote-fs.target.requires/srv-media.automount":      true,
		"remote-fs.target.requires/srv-media.mount":          false,
		"local-fs.target.wants/srv-bound.mount":              true,
		"local-fs.target.requires/var-cache-app.mount":       true,
		"swap.target.requires/var-swapfile.swap":             true,
	} {
		if _, err := os.Lstat(filepath.Join(units, link)); (err == nil) != wanted {
			t.Errorf("%s: %v", link, err)
		}
	}
	has(t, read(t, filepath.Join(units, `srv-100\x25\x2ddata.mount`)), "What=/dev/disk/by-label/data", "Where=/srv/100%%-data",
		`Requires=systemd-fsck@dev-disk-by\x2dlabel-data.service`, "Options=noatime,x-systemd.device-timeout=5%%")
}

// TestNetworkManager: the reader of keyfiles of NetworkManager takes every line.
func TestNetworkManager(t *testing.T) {
	programs.Need(t, "root", "nmcli")
	root := provision(t, networkManagerDocument)
	files, err := filepath.Glob(filepath.Join(root, "etc/NetworkManager/system-connections/*.nmconnection"))
	if err != nil || len(files) != 7 {
		t.Fatalf("there are %d keyfiles: %v", len(files), err)
	}
	uuids := map[string]bool{}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v: NetworkManager ignores it: %v", name, info, err)
		}
		text := read(t, name)
		// what it does not understand is not in what it writes
		cmd := exec.Command("nmcli", "--offline", "connection", "modify", "connection.autoconnect", "yes")
		cmd.Stdin = strings.NewReader(text)
		written := programs.Output(t, cmd)
		section := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case line == "" || line[0] == '#':
			case line[0] == '[':
				section = line
			case !inSection(written, section, line):
				t.Errorf("%s: NetworkManager drops %s of %s\n%s", filepath.Base(name), line, section, written)
			}
			if uuid, ok := strings.CutPrefix(line, "uuid="); ok {
				uuids[uuid] = true
			}
		}
	}
	if len(uuids) != len(files) {
		t.Errorf("there are %d UUIDs for %d connections", len(uuids), len(files))
	}
}

const networkManagerDocument = `network:
  renderer: networkmanager
  links:
    - name: eth0
      mtu: 1400
      accept_ra: false
      addresses: [192.0.2.10/24, 192.0.2.11/24, "2001:db8::10/64"]
      routes:
        - {to: default, via: 192.0.2.1}
        - {to: 198.51.100.0/24, metric: 5}
        - {to: 203.0.113.0/24, via: 10.0.0.1, on_link: true, metric: 50}
        - {to: "2001:db8:1::/48", metric: 5}
        - {to: "2001:db8:2::/48", via: "2001:db8::1"}
      dns: [192.0.2.53, "2001:db8::53"]
      search: [example.com, ~corp.example.com]
    - name: eth1
    - {name: any, match: {name: "en*", driver: virtio_net}}
    - {name: card, match: {mac: "52-54-00-12-34-ab"}, dhcp4: true}
  bonds: [{name: bond0, members: [eth1], primary: eth1, mtu: 9000}]
  vlans: [{name: storage, id: 5, link: bond0, mtu: 9000}]
  bridges: [{name: br0, ports: [storage], stp: true, accept_ra: false, dhcp6: true, addresses: [203.0.113.1/24]}]
`

// inSection reports whether a file has a line in a section. Defaults are not written.
func inSection(text, section, line string) bool {
	if line == "stp=true" { // the default
		return true
	}
	_, rest, _ := strings.Cut(text, section+"\n")
	rest, _, _ = strings.Cut(rest, "\n[")
	return strings.Contains("\n"+rest+"\n", "\n"+line+"\n")
}

// TestContainers: the generator of Podman makes services that systemd loads, and the
// arguments arrive as the document has them.
func TestContainers(t *testing.T) {
	programs.Need(t, "root", "systemd-analyze")
	if testing.Short() {
		t.Skip("builds the generator of Podman")
	}
	generator := programs.Foreign(t, "tests/linux/quadlet", "github.com/containers/podman/v5/cmd/quadlet")
	root := provision(t, `containers:
  - name: web
    description: 100% "web"
    image: docker.io/library/nginx:1.27@sha256:0a399eb16751829e1af26fea27b20c3ec28d7ab1fb72182879dcae1cca21206a
    command: ["two words", "$HOME", "100%n", 'a"b\c', " x ", "it's"]
    environment: {PLAIN: text, ODD: ' a "b" $c %n \d'}
    ports: ["8080:80", "127.0.0.1:5353:53/udp", "[::1]:9000-9010:9000-9010"]
    volumes: ["/srv/www:/usr/share/nginx/html:ro", "cache:/var/cache/nginx"]
    networks: [host]
    read_only: true
    restart: on-failure
`)
	quadlets := filepath.Join(root, "etc/containers/systemd")
	cmd := exec.Command(generator, "-dryrun", "-no-kmsg-log")
	cmd.Env = append(os.Environ(), "QUADLET_UNIT_DIRS="+quadlets)
	said := programs.Output(t, cmd)
	_, service, found := strings.Cut(said, "---web.service---\n")
	if !found {
		t.Fatalf("the generator says %s", said)
	}
	if strings.Contains(strings.ToLower(said), "unsupported") || strings.Contains(said, "warning") {
		t.Errorf("the generator says %s", said)
	}
	write(t, filepath.Join(root, "etc/systemd/system/web.service"), service, 0o644)
	verify(t, root, "web.service")
	arguments := execStart(t, service)
	for _, want := range []string{
		"two words", "$HOME", "100%n", `a"b\c`, " x ", "it's", "PLAIN=text", `ODD= a "b" $c %n \d`, "8080:80", "127.0.0.1:5353:53/udp",
		"/srv/www:/usr/share/nginx/html:ro", "docker.io/library/nginx:1.27@sha256:0a399eb16751829e1af26fea27b20c3ec28d7ab1fb72182879dcae1cca21206a",
	} {
		if !slices.Contains(arguments, want) {
			t.Errorf("no argument is %q in %q", want, arguments)
		}
	}
}

// execStart returns the arguments that systemd starts a service with, after it has
// replaced specifiers. It refuses to tell the superuser.
func execStart(t *testing.T, service string) []string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kindling-linux-") // not t.TempDir: nobody may look into that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	write(t, filepath.Join(dir, "units/test.service"), service, 0o644)
	const nobody = 65534
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "run"), 0o700), os.Chown(filepath.Join(dir, "run"), nobody, nobody)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/lib/systemd/systemd", "--test", "--user", "--unit=test.service")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Env = []string{"SYSTEMD_UNIT_PATH=" + dir + "/units:", "XDG_RUNTIME_DIR=" + dir + "/run", "HOME=" + dir + "/run", "PATH=" + os.Getenv("PATH")}
	said := programs.Output(t, cmd)
	_, line, found := strings.Cut(said, "Command Line: /usr/bin/podman ")
	if !found {
		t.Fatalf("systemd has no command line:\n%s", said)
	}
	line, _, _ = strings.Cut(line, "\n")
	// systemd prints words as a shell reads them; $$ becomes $ when it starts them
	words := programs.Output(t, exec.Command("sh", "-c", `eval "set -- $1"; printf '%s\n' "$@"`, "sh", line))
	return strings.Split(strings.ReplaceAll(strings.TrimSuffix(words, "\n"), "$$", "$"), "\n")
}

// TestHomes: what is below a home directory belongs to the user, and the units load.
func TestHomes(t *testing.T) {
	programs.Need(t, "root", "useradd", "systemd-analyze")
	root := provision(t, `passwd:
  users:
    - {name: deploy, uid: 1234}
    - {name: quiet, uid: 1235, home_dir: /srv/quiet}
homes:
  - user: deploy
    directories: [{path: releases/old, mode: 0755}]
    units:
      - name: sync.service
        enabled: true
        contents: |
          [Unit]
          Description=Sync
          [Service]
          ExecStart=find %h
          [Install]
          WantedBy=default.target
          RequiredBy=other.target
          Alias=copy.service
  - user: quiet
    units: [{name: later.timer, contents: "[Timer]\nOnCalendar=daily\n"}]
`)
	for name, want := range map[string]string{
		"home/deploy/releases":                                                "drwx------ 1234",
		"home/deploy/releases/old":                                            "drwxr-xr-x 1234",
		"home/deploy/.config":                                                 "drwx------ 1234",
		"home/deploy/.config/systemd/user":                                    "drwx------ 1234",
		"home/deploy/.config/systemd/user/sync.service":                       "-rw-r--r-- 1234",
		"home/deploy/.config/systemd/user/default.target.wants/sync.service":  "../sync.service 1234",
		"home/deploy/.config/systemd/user/other.target.requires/sync.service": "../sync.service 1234",
		"home/deploy/.config/systemd/user/copy.service":                       "sync.service 1234",
		"srv/quiet/.config/systemd/user/later.timer":                          "-rw-r--r-- 1235",
		"var/lib/systemd/linger/deploy":                                       "-rw-r--r-- 0",
		"var/lib/systemd/linger/quiet":                                        "",
	} {
		if got := describe(filepath.Join(root, name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	cmd := exec.Command("systemd-analyze", "--user", "verify", "--man=no", filepath.Join(root, "home/deploy/.config/systemd/user/sync.service"))
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
	if said := programs.Output(t, cmd); said != "" {
		t.Errorf("systemd says %s", said)
	}
}

// describe tells the mode or the target, and the owner of what is at a path; nothing
// if nothing is there.
func describe(name string) string {
	info, err := os.Lstat(name)
	if err != nil {
		return ""
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if to, err := os.Readlink(name); err == nil {
		return fmt.Sprintf("%s %d", to, owner)
	}
	return fmt.Sprintf("%v %d", info.Mode(), owner)
}
