package providers

import (
	"os"
	"strings"
)

// Signal is a mark of the firmware (DMI) by which a platform shows: cloud-init's
// ds-identify knows the same ones.
type Signal struct {
	// File in /sys/class/dmi/id.
	File string
	// Is is its text, or how that begins or ends.
	Is             string
	Prefix, Suffix bool
}

// matches reports whether the machine has the mark.
func (s Signal) matches(env *Env) bool {
	data, err := os.ReadFile(env.sys("class/dmi/id", s.File))
	if err != nil {
		return false
	}
	text := strings.TrimSpace(string(data))
	switch {
	case s.Prefix:
		return len(text) >= len(s.Is) && strings.EqualFold(text[:len(s.Is)], s.Is)
	case s.Suffix:
		return strings.HasSuffix(text, s.Is)
	}
	return text == s.Is
}

// Detect returns the ids of the platforms that the firmware of the machine shows, and
// nothing if it shows none. It is a hint for people: images name their platform.
func Detect(env *Env) []string {
	var found []string
	for _, p := range Table() {
		for _, s := range p.Signals {
			if s.matches(env) {
				found = append(found, p.ID)
				break
			}
		}
	}
	return found
}
