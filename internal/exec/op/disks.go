package op

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/internal/mounts"
)

// sysBlock has a directory for each block device: sysfs(5).
const sysBlock = "/sys/class/block"

// disksHere lists the disks of the machine for people: vda (20 GiB, serial root).
func disksHere() string {
	entries, err := os.ReadDir(sysBlock)
	if err != nil {
		return "unknown: " + err.Error()
	}
	var out []string
	for _, e := range entries {
		dir := filepath.Join(sysBlock, e.Name())
		size, _ := strconv.ParseInt(attribute(dir, "size"), 10, 64) // 512-byte sectors, whatever the disk has
		if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil || size == 0 {
			continue
		}
		about := fmt.Sprintf("%.1f GiB", float64(size)/(1<<21))
		for _, name := range []string{"device/model", "device/serial", "serial"} {
			if v := attribute(dir, name); v != "" {
				about += ", " + filepath.Base(name) + " " + v
			}
		}
		out = append(out, "/dev/"+e.Name()+" ("+about+")")
	}
	if out == nil {
		return "none"
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

func attribute(dir, name string) string {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// holders tells, as far as it can be found out, what works with a device.
func holders(node string) []string {
	var out []string
	if all, err := mounts.All(); err == nil {
		for _, m := range all {
			if at, err := filepath.EvalSymlinks(m.Source); err == nil && at == node {
				out = append(out, "mounted at "+m.Point)
			}
		}
	}
	held, _ := os.ReadDir(filepath.Join(sysBlock, filepath.Base(node), "holders"))
	for _, h := range held {
		out = append(out, "part of "+h.Name())
	}
	if swaps, err := os.ReadFile("/proc/swaps"); err == nil {
		for line := range strings.Lines(string(swaps)) {
			if fields := strings.Fields(line); len(fields) > 0 && fields[0] == node {
				out = append(out, "used as swap")
			}
		}
	}
	if out == nil {
		out = []string{"some process has it open alone"}
	}
	return out
}
