package op

import (
	"fmt"
	"sort"
	"strings"

	"github.com/kindling-boot/kindling/internal/blockdev"
)

// disksHere lists the disks of the machine for people: vda (20 GiB, serial root).
func (m *Machine) disksHere() string {
	disks, err := m.sight().Disks()
	if err != nil {
		return "unknown: " + err.Error()
	}
	var out []string
	for _, d := range disks {
		about := fmt.Sprintf("%.1f GiB", float64(d.SizeBytes)/(1<<30))
		if d.Model != "" {
			about += ", model " + d.Model
		}
		if d.Serial != "" {
			about += ", serial " + d.Serial
		}
		out = append(out, d.Node+" ("+about+")")
	}
	if out == nil {
		return "none"
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

// namesOf tells who works with devices.
func namesOf(users []blockdev.User) string {
	var out []string
	for _, u := range users {
		out = append(out, u.String())
	}
	return strings.Join(out, ", ")
}
