package boot

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// overlayFile is a file that a test adds to an initramfs. An absolute target makes it a link.
type overlayFile struct {
	path, contents, target string
	executable             bool
}

// stopping is what lets a test look at a machine before it leaves its initramfs, which
// takes a third of the time of a whole boot.
// Kernel arguments say what is wanted of it.
var stopping = []overlayFile{
	// with kindling.stop, the end of provisioning is the end of the boot
	unit("kindling-report.service", `[Unit]
DefaultDependencies=no
ConditionKernelCommandLine=kindling.stop
After=ignition-complete.target ignition-subsequent.target
Before=initrd.target
[Service]
Type=oneshot
ExecStart=/usr/lib/kindling-report
`),
	wanted("initrd.target.requires", "kindling-report.service"),
	{path: "usr/lib/kindling-report", executable: true, contents: `#!/bin/sh
exec >/dev/ttyS1 2>&1
read -r up _ </proc/uptime
echo "seconds: $up"
echo "marker: $(cat /sysroot/etc/marker)"
echo "result: $(tr -d '\n ' </sysroot/etc/.ignition-result.json)"
echo "data: $(cat /sysroot/etc/data)"
echo "network: $([ -e /run/ignition/network ] && echo up) $(systemctl is-active systemd-networkd.service)"
echo "diskful: $(systemctl is-active ignition-diskful.target)"
echo "stages: $(journalctl -b -t ignition -o cat | grep -c ' passed$')"
exec systemctl poweroff --force --force
`},
	// with kindling.without=PROGRAM, it is as if that had not been installed
	unit("kindling-without.service", `[Unit]
DefaultDependencies=no
ConditionKernelCommandLine=kindling.without
Before=ignition-fetch-offline.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for word in $(cat /proc/cmdline); do case $$word in kindling.without=*) rm $(command -v $${word#*=}) ;; esac; done'
`),
	wanted("ignition-complete.target.requires", "kindling-without.service"),
	// with kindling.live, the root file system is in memory, where root=tmpfs makes systemd
	// mount one; dracut must be told that this is enough
	{path: "usr/bin/is-live-image", executable: true, contents: "#!/bin/sh\ngrep -q kindling.live /proc/cmdline\n"},
	{path: "usr/lib/dracut/hooks/cmdline/99-kindling.sh", contents: "[ \"$root\" != tmpfs ] || rootok=1\n"},
	unit("kindling-live.service", `[Unit]
DefaultDependencies=no
ConditionKernelCommandLine=kindling.live
Requires=sysroot.mount
After=sysroot.mount
Before=initrd-root-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec 'mkdir /sysroot/etc; cp /etc/passwd /etc/group /sysroot/etc/'
`),
	wanted("initrd-root-fs.target.requires", "kindling-live.service"),
	// nobody waits two minutes for what does not come
	{path: "etc/systemd/system/ignition-fetch.service.d/50-test.conf", contents: "[Service]\nEnvironment=IGNITION_ARGS=--fetch-timeout=5s\n"},
}

func unit(name, contents string) overlayFile {
	return overlayFile{path: "etc/systemd/system/" + name, contents: contents}
}

func wanted(folder, unit string) overlayFile {
	return overlayFile{path: "etc/systemd/system/" + folder + "/" + unit, target: "/etc/systemd/system/" + unit}
}

// stoppable is the initramfs with the files above, made once.
var stoppable struct {
	sync.Once
	path string
}

// stopped returns the image with an initramfs that obeys the arguments above.
func (i image) stopped(t testing.TB) image {
	t.Helper()
	stoppable.Do(func() {
		path := filepath.Join(filepath.Dir(i.Root), "stoppable.img")
		with(t, i.Initramfs, path, stopping)
		stoppable.path = path
	})
	i.Initramfs = stoppable.path
	return i
}

// with writes an initramfs with more files: the kernel unpacks one archive after the
// other (Documentation/driver-api/early-userspace/buffer-format.rst).
func with(t testing.TB, initramfs, path string, files []overlayFile) {
	t.Helper()
	out, err := os.Create(path)
	must(t, err)
	in, err := os.Open(initramfs)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, in.Close())
	size, err := out.Seek(0, io.SeekCurrent)
	must(t, err)
	_, err = out.Write(append(make([]byte, -size&3), archive(files)...))
	must(t, err)
	must(t, out.Close())
}

// archive makes a cpio archive of the kind newc, with the folders of the files.
func archive(files []overlayFile) []byte {
	var b bytes.Buffer
	number := 900000 // of inodes: others than in the archive before
	add := func(name string, mode int, contents string) {
		number++
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
			number, mode, 0, 0, 1, 0, len(contents), 0, 0, 0, 0, len(name)+1, 0, name)
		b.Write(make([]byte, -b.Len()&3))
		b.WriteString(contents)
		b.Write(make([]byte, -b.Len()&3))
	}
	seen := map[string]bool{}
	for _, f := range files {
		for i, c := range f.path {
			// those of the first level are there, and some of them are links
			if c == '/' && strings.Contains(f.path[:i], "/") && !seen[f.path[:i]] {
				seen[f.path[:i]] = true
				add(f.path[:i], 0o040755, "")
			}
		}
		switch {
		case f.target != "":
			add(f.path, 0o120777, f.target)
		case f.executable:
			add(f.path, 0o100755, f.contents)
		default:
			add(f.path, 0o100644, f.contents)
		}
	}
	add("TRAILER!!!", 0, "")
	return b.Bytes()
}
