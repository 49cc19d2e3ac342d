package op

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/internal/blockdev"
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

// holders tells who works with a device.
func holders(node string) string {
	n, err := host.Resolve(node)
	if err != nil {
		return "nobody can be found"
	}
	users, err := host.Users(n)
	if err != nil || len(users) == 0 {
		return "some process has it open alone"
	}
	return namesOf(users)
}

func namesOf(users []blockdev.User) string {
	var out []string
	for _, u := range users {
		out = append(out, u.String())
	}
	return strings.Join(out, ", ")
}
