package providers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/tests/programs"
)

// fwCfgFiles is a variable as the kernel shows it.
func fwCfgFiles(name, size, raw string) map[string]string {
	dir := "sys/firmware/qemu_fw_cfg/by_name/" + name
	return map[string]string{dir + "/size": size + "\n", dir + "/raw": raw}
}

func TestFwCfg(t *testing.T) {
	const name = "opt/com.coreos/config"
	size := fmt.Sprint(len(minimal))
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a config", fwCfgFiles(name, size, minimal), minimal},
		{"gzip", fwCfgFiles(name, fmt.Sprint(len(zipped(minimal))), zipped(minimal)), minimal + " [gzip]"},
		{"Flatcar's name", fwCfgFiles("opt/org.flatcar-linux/config", size, minimal), minimal},
		{"not set", map[string]string{"sys/firmware/qemu_fw_cfg/rev": "3"}, "is not set: no user config"},
		{"empty", fwCfgFiles(name, "0", ""), "no user config: it has no bytes"},
		{"more than it claims", fwCfgFiles(name, "5", minimal), "more than the 5 bytes it claims"},
		{"less than it claims", fwCfgFiles(name, "4000", minimal), "bytes instead of 4000"},
		{"too large", fwCfgFiles(name, "4000000000", minimal), "has more than 256 MiB"},
		{"no size", fwCfgFiles(name, "many", minimal), "its size is not a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, c.files)
			expect(t, outcome(qemuFor("amd64").read(t.Context(), f.Env)), c.want)
		})
	}
}

func TestModulesAreLoadedWhereTheyAreMissing(t *testing.T) {
	f := newFake(t, nil)
	dir := filepath.Join(f.dir, "sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config")
	tools(t, map[string]string{"modprobe": fmt.Sprintf("[ $1 = qemu_fw_cfg ] && mkdir -p %s && echo 2 > %s/size && printf '{}' > %s/raw", dir, dir, dir)})
	expect(t, outcome(qemuFor("arm64").read(t.Context(), f.Env)), "{} [] from fw_cfg")
	tools(t, map[string]string{"modprobe": "exit 1"})
	expect(t, outcome(qemuFor("amd64").read(t.Context(), newFake(t, nil).Env)), "error: load kernel module qemu_fw_cfg")
}

func TestSerialDisk(t *testing.T) {
	f := newFake(t, map[string]string{
		"sys/bus/virtio/drivers/virtio_blk/x": "", "dev/disk/by-id/virtio-ignition": minimal + strings.Repeat("\x00", 100),
	})
	expect(t, outcome(qemuFor("s390x").read(t.Context(), f.Env)), minimal+" []")
	f.write(t, "dev/disk/by-id/virtio-ignition", strings.Repeat("\x00", 512))
	expect(t, outcome(qemuFor("ppc64le").read(t.Context(), f.Env)), "no user config")
}

func TestBootFIFO(t *testing.T) {
	f := newFake(t, map[string]string{"sys/" + bootFIFOFile: "\x00" + minimal + "\x00\x00"})
	expect(t, outcome((&bootFIFO{}).read(t.Context(), f.Env)), minimal+" []")
	f.write(t, "sys/"+bootFIFOFile, "")
	expect(t, outcome((&bootFIFO{}).read(t.Context(), f.Env)), "no user config")
	tools(t, map[string]string{"modprobe": "exit 0"})
	expect(t, outcome((&bootFIFO{}).read(t.Context(), newFake(t, nil).Env)), "is not there: no user config")
}

func TestVirtualReader(t *testing.T) {
	const list = `ORIGINID FILE CLASS RECORDS  CPY HOLD DATE  TIME     NAME      TYPE     DIST
LINUX    0012 A PUN 00000042 001 NONE 11/21 09:00:00 other exec TLINUX
LINUX    0013 A PUN 00000042 001 NONE 11/21 09:00:00 config ign TLINUX
`
	// columns differ between versions of the tool; the reference counts these
	columns := strings.ReplaceAll(list, "A PUN 00000042 001 NONE", "A PUN 00000042 001 NONE")
	logged := filepath.Join(t.TempDir(), "log")
	tools(t, map[string]string{
		"modprobe":   "echo modprobe $* >>" + logged,
		"chccwdev":   "echo chccwdev $* >>" + logged + "; [ -e " + logged + ".seen ]",
		"cio_ignore": "echo cio_ignore $* >>" + logged + "; touch " + logged + ".seen",
		"udevadm":    "true",
		"vmur":       "case $1 in li) cat <<'X'\n" + columns + "X\n;; re) echo vmur $1 $2 $3 >>" + logged + "; printf '%s\\000\\000' '" + minimal + "' > \"$4\";; esac",
	})
	expect(t, outcome((&virtualReader{}).read(t.Context(), newFake(t, nil).Env)), minimal+" [] from virtual reader, file config.ign")
	data, _ := os.ReadFile(logged)
	if want := "modprobe vmur\nchccwdev -e 000c\ncio_ignore -r 000c\nchccwdev -e 000c\nvmur re -f 0013\n"; string(data) != want {
		t.Errorf("calls:\n%s\nwant:\n%s", data, want)
	}
}

func TestListOfTheReader(t *testing.T) {
	for list, want := range map[string]string{
		"":                             "",
		"x 1 a b c d e f g n ign":      "1 n.ign",
		"x 1\nx 2 a b c d e f g n ign": "2 n.ign",
		"\nx 2 a b c d e f g n ign":    "",
		"x 1 a b c d e f g n exec":     "",
	} {
		spool, name, _ := findSpool(list)
		if got := strings.TrimSpace(spool + " " + name); got != want {
			t.Errorf("%q gives %q, want %q", list, got, want)
		}
	}
}

// host are variables of a made-up VMware or VirtualBox host.
type host map[string]string

func (h host) get(key string) (string, error) { return h[key], nil }
func (h host) set(key, value string) error    { h[key] = value; return nil }
func (h host) remove(name string) error       { delete(h, name); return nil }
func (h host) close() error                   { return nil }

func ovfDocument(properties ...string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:oe="http://schemas.dmtf.org/ovf/environment/1"><PropertySection>`)
	for i := 0; i+1 < len(properties); i += 2 {
		fmt.Fprintf(&b, `<Property oe:key="%s" oe:value="%s"/>`, properties[i], properties[i+1])
	}
	return b.String() + "</PropertySection></Environment>"
}

func TestGuestInfo(t *testing.T) {
	const data, encoding = "guestinfo.ignition.config.data", "guestinfo.ignition.config.data.encoding"
	for _, c := range []struct {
		name string
		host host
		want string
	}{
		{"plain", host{data: `{"a":1}`}, `{"a":1} []`},
		{"base64", host{data: wrapped(minimal), encoding: "base64"}, minimal + " [base64]"},
		{"gzip in base64", host{data: wrapped(zipped(minimal)), encoding: "gzip+base64"}, minimal + " [gzip+base64]"},
		{"short names", host{data: wrapped(zipped(minimal)), encoding: "gz+b64"}, minimal},
		{"encoding forgotten", host{data: wrapped(zipped(minimal))}, minimal + " [base64 gzip]"},
		{"unknown encoding", host{data: minimal, encoding: "rot13"}, `the encoding "rot13" is none of`},
		{"wrong encoding", host{data: minimal, encoding: "base64"}, "wrong letter after 0"},
		{"not set", host{}, "is not set: no user config"},
		{"Flatcar's names", host{"guestinfo.coreos.config.data": wrapped(minimal), "guestinfo.coreos.config.data.encoding": "base64"}, minimal},
		{"OVF", host{"guestinfo.ovfenv": ovfDocument(data, wrapped(minimal), encoding, "base64")}, minimal},
		{"a variable beats OVF", host{data: `{}`, "guestinfo.ovfenv": ovfDocument(data, "no")}, "{} []"},
		{"data and encoding from two places", host{data: wrapped(minimal), "guestinfo.ovfenv": ovfDocument(encoding, "base64")}, minimal},
		{"broken OVF is a warning", host{data: `{}`, "guestinfo.ovfenv": "<Environment"}, "{} []"},
		{"deleted", host{data: "e30K", encoding: "base64"}, "no user config"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &guestInfo{open: func() (variables, error) { return c.host, nil }}
			expect(t, outcome(g.read(t.Context(), newFake(t, nil).Env)), c.want)
		})
	}
	expect(t, outcome((&guestInfo{}).read(t.Context(), newFake(t, nil).Env)), "error: "+ErrNotHere.Error())
}

func TestGuestInfoIsDeleted(t *testing.T) {
	const data = "guestinfo.ignition.config.data"
	kept := ovfDocument("other", "a &amp; b")
	h := host{data: minimal, "guestinfo.ovfenv": strings.Replace(kept, "<Property ", `<Property oe:key="`+data+`" oe:value="secret"></Property><Property `, 1)}
	g := &guestInfo{open: func() (variables, error) { return h, nil }}
	if err := g.remove(t.Context(), newFake(t, nil).Env); err != nil {
		t.Fatal(err)
	}
	if h[data] != "e30K" || h[data+".encoding"] != "base64" || h["guestinfo.ovfenv"] != kept {
		t.Errorf("left: %v", h)
	}
	expect(t, outcome(g.read(t.Context(), newFake(t, nil).Env)), "no user config")
}

func TestGuestProperties(t *testing.T) {
	for _, c := range []struct {
		name string
		host host
		want string
	}{
		{"a config", host{propertyConfig: minimal}, minimal},
		{"not set", host{}, "no user config"},
		{"an encoding", host{propertyConfig: minimal, propertyEncoding: "gzip"}, "must not be set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &guestProperties{open: func() (properties, error) { return c.host, nil }}
			expect(t, outcome(g.read(t.Context(), newFake(t, nil).Env)), c.want)
			if err := g.remove(t.Context(), newFake(t, nil).Env); err != nil || len(c.host) > 0 {
				t.Errorf("left after deletion: %v, %v", c.host, err)
			}
		})
	}
	for buffer, want := range map[string]string{"abc\x00flags\x00\x00": "abc", "\x00\x00": "", "abc": "error"} {
		got, err := parseProperty([]byte(buffer))
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q gives %q, want %q", buffer, got, want)
		}
	}
	if _, err := os.Stat(vboxDevice); err != nil {
		_, err := openGuestProperties()
		expect(t, err.Error(), "open /dev/vboxguest: no such file or directory")
	}
}

// kvpHost is a Hyper-V host with the driver in front of it.
type kvpHost struct {
	send    [][]byte
	written [][]byte
}

func (h *kvpHost) Read(p []byte) (int, error) {
	if len(h.send) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	m := h.send[0]
	h.send = h.send[1:]
	return copy(p, m), nil
}

func (h *kvpHost) Write(p []byte) (int, error) {
	h.written = append(h.written, bytes.Clone(p))
	return len(p), nil
}
func (h *kvpHost) Close() error { return nil }

func kvpMessage(operation, pool byte, key, value string) []byte {
	m := make([]byte, kvpMessageSize)
	m[0], m[1] = operation, pool
	at := kvpKeysAt
	if operation == kvpDelete {
		at = kvpDeleteKey
	}
	copy(m[at:], key)
	copy(m[kvpValuesAt:], value)
	return m
}

func TestHyperV(t *testing.T) {
	set := func(pool byte, key, value string) []byte { return kvpMessage(kvpSet, pool, key, value) }
	for _, c := range []struct {
		name string
		send [][]byte
		want string
	}{
		{"one value", [][]byte{set(0, kvpConfigKey, minimal)}, minimal + " []"},
		{"pieces", [][]byte{set(0, kvpConfigKey+".1", minimal[5:]), set(0, kvpConfigKey+".0", minimal[:5]), set(0, kvpConfigKey+".3", "after the gap")}, minimal + " []"},
		{"an empty value and pieces", [][]byte{set(0, kvpConfigKey, ""), set(0, kvpConfigKey+".0", minimal)}, minimal},
		{"another pool", [][]byte{set(1, kvpConfigKey, minimal)}, "no user config"},
		{"deleted again", [][]byte{set(0, kvpConfigKey, minimal), kvpMessage(kvpDelete, 0, kvpConfigKey, "")}, "no user config"},
		{"a question in between", [][]byte{kvpMessage(kvpRegister, 0, "", ""), kvpMessage(3, 0, "", ""), set(0, kvpConfigKey, minimal)}, minimal},
		{"a short message", [][]byte{{1, 2}}, "a message has 2 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &kvpHost{send: c.send}
			p := &hypervKVP{open: func() (io.ReadWriteCloser, error) { return h, nil }}
			got, err := p.read(t.Context(), newFake(t, nil).Env)
			expect(t, outcome(got, err), c.want)
			if h.written[0][0] != kvpRegister || len(h.written[0]) != kvpMessageSize {
				t.Errorf("it has not registered: % x", h.written[0][:4])
			}
			if err == nil || errors.Is(err, ErrNoConfig) {
				if len(got.Files) != kvpPools || got.Files[0].Path != "/var/lib/hyperv/.kvp_pool_0" || *got.Files[0].Mode != 0o600 {
					t.Errorf("files for the target: %v", got.Files)
				}
			}
		})
	}
}

func TestHyperVAnswersAndKeepsPools(t *testing.T) {
	h := &kvpHost{send: [][]byte{kvpMessage(kvpSet, 3, "k", "v"), kvpMessage(3, 3, "", "")}}
	pools, err := readKVP(h)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{0, kvpNoMore} {
		if got := binary.NativeEndian.Uint32(h.written[i+1]); got != want {
			t.Errorf("answer %d is %#x, want %#x", i, got, want)
		}
	}
	text := content(t, pools[3].file(3))
	if len(text) != kvpKeySize+kvpValueSize || text[0] != 'k' || text[kvpKeySize] != 'v' {
		t.Errorf("the pool has %d bytes", len(text))
	}
}

func content(t *testing.T, f types.File) string {
	t.Helper()
	r, err := resource.New(resource.Options{Offline: true}).Open(t.Context(), f.Contents)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAppleHost(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "vsock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	status, body := http.StatusOK, minimal
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Header.Get("Accept") != "application/json" {
			t.Errorf("it was asked for %s, %v", r.URL, r.Header)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
	go server.Serve(l) //nolint:errcheck // it ends with the test
	defer server.Close()
	f := newFake(t, nil)
	refuse := 2
	f.DialVsock = func(ctx context.Context, port uint32) (io.ReadWriteCloser, error) {
		if refuse--; refuse >= 0 {
			return nil, unix.ECONNREFUSED
		}
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	expect(t, outcome((&appleHost{}).read(t.Context(), f.Env)), minimal)
	body = ""
	expect(t, outcome((&appleHost{}).read(t.Context(), f.Env)), "no user config")
	status = http.StatusNotFound
	expect(t, outcome((&appleHost{}).read(t.Context(), f.Env)), "no user config")
	status = http.StatusInternalServerError
	expect(t, outcome((&appleHost{}).read(t.Context(), f.Env)), "error: ask the host on vsock port 1024: status 500")
}

func TestNoCloudSeeds(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, userData), []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"directory by kernel argument", map[string]string{"proc/cmdline": "ds=nocloud;h=x;s=" + dir + "/ quiet"}, minimal},
		{"URL of a directory", map[string]string{"proc/cmdline": "ds=nocloud;seedfrom=file://" + dir}, minimal},
		{"directory by serial number", map[string]string{"sys/class/dmi/id/product_serial": "ds=nocloud-net;s=" + dir + "\n"}, minimal},
		{"the kernel argument is stronger", map[string]string{"proc/cmdline": "ds=nocloud;s=" + dir, "sys/class/dmi/id/product_serial": "ds=nocloud;s=/none"}, minimal},
		{"directory of cloud-init", map[string]string{"seed/nocloud/user-data": minimal}, minimal},
		{"a URL offline", map[string]string{"proc/cmdline": "ds=nocloud;s=http://192.0.2.1/"}, resource.ErrNeedNet.Error()},
		{"another scheme", map[string]string{"proc/cmdline": "ds=nocloud;s=ftp://192.0.2.1/"}, "is neither a directory nor a URL"},
		{"no such directory", map[string]string{"proc/cmdline": "ds=nocloud;s=/none/"}, "seed of kernel argument ds: read /none/user-data"},
		{"a placeholder", map[string]string{"proc/cmdline": "ds=nocloud;s=http://192.0.2.1/__dmi.system-uuid__/"}, "are not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, c.files)
			f.Offline = true
			f.Client = resource.New(resource.Options{Offline: true})
			expect(t, outcome((&noCloud{}).read(t.Context(), f.Env)), c.want)
		})
	}
}

func TestKernelArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.ign")
	if err := os.WriteFile(file, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	escaped := url.QueryEscape(minimal)
	for _, c := range []struct{ name, line, want, told string }{
		{"none", "quiet", "error: the kernel arguments name no config", ""},
		{"a data URL", "ignition.config.url=data:," + escaped, minimal, ""},
		{"the last one counts", "ignition.config.url=data:,x ignition.config.url=data:," + escaped + " ignition.config.url=", minimal, ""},
		{"quotes", `ignition.config.url="data:,` + escaped + `"`, minimal, ""},
		{"Flatcar's name", "flatcar.config.url=data:," + escaped, minimal, ""},
		{"the old name", "coreos.config.url=file://" + file, minimal, ""},
		{"packed", "ignition.config.url=data:;base64," + toBase64([]byte(zipped(minimal))), minimal + " [gzip]", ""},
		{"a typo in the name", "ignition.config.ulr=http://x", "name no config", "kernel argument ignition.config.ulr is not known; did you mean ignition.config.url?"},
		{"a typo in the scheme", "ignition.config.url=htp://example.com/x", `"htp" is no URL scheme`, ""},
		{"no scheme", "ignition.config.url=example.com/x", `"example.com/x" is not a URL`, ""},
		{"no URL at all", "ignition.config.url=http://user:geheim@[::1/%", "error: kernel argument ignition.config.url: its value is not a URL", ""},
		{"offline", "ignition.config.url=http://192.0.2.1/", resource.ErrNeedNet.Error(), ""},
		{"device without path", "ignition.config.device=x", "must be given together", ""},
		{"path without device", "ignition.config.path=/x", "must be given together", ""},
		{"a path for a label", "ignition.config.device=a/b ignition.config.path=/x", "is not the label", ""},
		{"URL and device", "ignition.config.device=a ignition.config.path=/x ignition.config.url=data:," + escaped, minimal, "are ignored"},
		{"an empty URL", "ignition.config.url=data:,", "no user config", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, map[string]string{"proc/cmdline": c.line + "\n"})
			f.Client = resource.New(resource.Options{Offline: true})
			got := outcome(CommandLine(t.Context(), f.Env))
			expect(t, got, c.want)
			expect(t, f.log(), c.told)
			if strings.Contains(got+f.log(), "geheim") {
				t.Errorf("a password shows: %s", got)
			}
		})
	}
}

func TestKernelArgumentsNameADevice(t *testing.T) {
	programs.Need(t, "root", "losetup", "mkfs.ext4", "mount")
	f := newFake(t, map[string]string{"proc/cmdline": "ignition.config.device=data ignition.config.path=../../a/b.ign"})
	newMedium(t, "data", map[string]string{"a/b.ign": minimal}).plug(t, f, "data")
	expect(t, outcome(CommandLine(t.Context(), f.Env)), minimal)
	f.write(t, "proc/cmdline", "ignition.config.device=data ignition.config.path=/none")
	expect(t, outcome(CommandLine(t.Context(), f.Env)), "error: kernel argument ignition.config.device: "+filepath.Join(f.Paths.ByLabel, "data")+" has no file /none")
}

func TestLeases(t *testing.T) {
	for lease, want := range map[string]string{
		"# x\nADDRESS=10.1.1.2\nSERVER_ADDRESS=10.1.1.1\n": "10.1.1.1",
		"SERVER_ADDRESS=evil/../\n":                        "",
		"ADDRESS=10.1.1.2\n":                               "",
	} {
		if got := leaseServer([]byte(lease)); got != want {
			t.Errorf("%q gives %q, want %q", lease, got, want)
		}
	}
}

func TestTableIsSortedAndComplete(t *testing.T) {
	ids := IDs()
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("ids %v", ids)
	}
	var deletes, reports []string
	for _, p := range Table() {
		if p.About == "" || p.place == nil || len(p.Places()) == 0 && p.ID != "metal" {
			t.Errorf("%s has no description or place", p.ID)
		}
		if p.Deletes() {
			deletes = append(deletes, p.ID)
		}
		if p.Reports() {
			reports = append(reports, p.ID)
		}
	}
	if !slices.Equal(deletes, []string{"virtualbox", "vmware"}) || !slices.Equal(reports, []string{"packet"}) {
		t.Errorf("deletion on %v, reports on %v", deletes, reports)
	}
	for other, id := range otherNames() {
		if !slices.Contains(ids, id) || slices.Contains(ids, other) {
			t.Errorf("%s stands for %s", other, id)
		}
	}
}

func TestNearPlatforms(t *testing.T) {
	for id, want := range map[string]string{
		"ec2": "aws", "gce": "gcp", "AWS": "aws", "asw": "aws", "openstak": "openstack", "linode": "akamai", "qwertz": "",
		"virtual-box": "virtualbox", "pxe": "metal", "azur": "azure",
	} {
		near := Near(id)
		if want == "" && len(near) > 0 || want != "" && !slices.Contains(near, want) {
			t.Errorf("%s is near %v, want %s", id, near, want)
		}
	}
}

func TestDetect(t *testing.T) {
	for id, files := range map[string]map[string]string{
		"digitalocean": {"sys_vendor": "DigitalOcean"},
		"aws":          {"product_uuid": "EC2E1916-9099-7CAF-FD21-012345ABCDEF"},
		"azure":        {"chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"},
		"brightbox":    {"product_serial": "srv-x.gb1.brightbox.com"},
		"vmware":       {"sys_vendor": "VMware, Inc."},
		"":             {"sys_vendor": "Nobody"},
	} {
		below := map[string]string{}
		for name, text := range files {
			below["sys/class/dmi/id/"+name] = text + "\n"
		}
		if got := strings.Join(Detect(newFake(t, below).Env), " "); got != id {
			t.Errorf("%v shows %q, want %q", slices.Collect(maps.Values(files)), got, id)
		}
	}
}

func TestLeaseThatComesLater(t *testing.T) {
	f := newFake(t, map[string]string{"run/leases/2": "ADDRESS=10.1.1.7\n"})
	late := time.AfterFunc(leasePeriod, func() { f.write(t, "run/leases/3", "SERVER_ADDRESS=10.1.1.1\n") })
	defer late.Stop()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if hosts, err := dhcpServers(ctx, f.Env); err != nil || !slices.Equal(hosts, []string{"http://10.1.1.1"}) {
		t.Errorf("hosts %v, %v", hosts, err)
	}
}
