package bootreport

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/bootlog"
	"github.com/kindling-boot/kindling/internal/exec/record"
)

// Format is the version of reports.
const Format = 1

// Results of a provisioning.
const (
	provisioned = "provisioned"
	failed      = "failed"
	unfinished  = "unfinished"
)

// head is the first line of a report. The events follow, one a line.
type head struct {
	Format int       `json:"format"`
	Time   time.Time `json:"time"`
	// Event is "report", which no event is called.
	Event string `json:"event"`
	// Result is provisioned, failed or unfinished.
	Result       string          `json:"result"`
	Machine      machine         `json:"machine"`
	Provisioning bootlog.Summary `json:"provisioning"`
	// Events is the number of lines that follow, Omitted that of those left out because
	// the report would be too long.
	Events  int `json:"events"`
	Omitted int `json:"omitted,omitempty"`
}

// machine tells which one reports. What is not known is left out.
type machine struct {
	Hostname string `json:"hostname,omitempty"`
	// UUID is the one that the firmware gives the machine. The machine-id is not for
	// others to know: machine-id(5).
	UUID string `json:"uuid,omitempty"`
	// Addresses are those of network cards.
	Addresses []string `json:"addresses,omitempty"`
}

// maxAddresses is how many network cards are named.
const maxAddresses = 16

// machineOf looks at the running machine; sys is /sys.
func machineOf(sys string) machine {
	var m machine
	m.Hostname, _ = os.Hostname() // or there is none
	m.UUID = strings.ToLower(word(filepath.Join(sys, "class/dmi/id/product_uuid")))
	cards, _ := filepath.Glob(filepath.Join(sys, "class/net/*/device")) // the pattern is good
	for _, card := range cards[:min(len(cards), maxAddresses)] {
		if a := word(filepath.Join(filepath.Dir(card), "address")); a != "" {
			m.Addresses = append(m.Addresses, a)
		}
	}
	return m
}

// word reads a short file; "" if it cannot be read.
func word(name string) string {
	data, err := os.ReadFile(name)
	if err != nil || len(data) > 256 {
		return ""
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(data)), "")
}

// ranks orders events by how much is lost without them; what is not listed comes last.
var ranks = map[string]int{
	record.StageStarted: 0, record.StageFinished: 0, record.StageFailed: 0, record.ConfigFound: 0, record.Stopped: 0,
	exec.Failed.String(): 1, exec.Warned.String(): 1,
}

const lastRank = 2

func rankOf(l *record.Line) int {
	if r, ok := ranks[l.Event]; ok {
		return r
	}
	return lastRank
}

// Payload makes a report of a boot from its events, of at most limit bytes. If they are
// more, the ones that tell the least are left out. sys is /sys.
func Payload(events io.ReadSeeker, sys string, limit int) ([]byte, error) {
	var sizes [lastRank + 1]int
	total := 0
	h := head{Format: Format, Time: time.Now(), Event: "report", Result: unfinished, Machine: machineOf(sys), Provisioning: bootlog.Summary{Stages: []bootlog.StageSummary{}}}
	record.Each(events, func(text []byte, l *record.Line) {
		total++
		sizes[rankOf(l)] += len(text) + 1
		h.Provisioning.Add(l)
		switch {
		case l.Event == record.StageFailed:
			h.Result = failed
		case l.Event == record.StageFinished && l.Stage == "files":
			h.Result = provisioned
		case l.Event == record.StageStarted && h.Result == failed: // it is tried again
			h.Result = unfinished
		}
	})
	if total == 0 {
		return nil, fmt.Errorf("there are no events of this boot")
	}
	if _, err := events.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the events: %w", err)
	}
	first, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	left := limit - len(first) - len(`,"omitted":`) - 40 // both numbers, and the end of the line
	var room [lastRank + 1]int
	for r := range room {
		room[r] = max(0, left)
		left -= sizes[r]
	}
	var body bytes.Buffer
	record.Each(events, func(text []byte, l *record.Line) {
		r := rankOf(l)
		if room[r] -= len(text) + 1; room[r] < 0 || h.Events == total { // more were written since
			return
		}
		h.Events++
		body.Write(text)
		body.WriteByte('\n')
	})
	h.Omitted = total - h.Events
	if first, err = json.Marshal(h); err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return append(append(first, '\n'), body.Bytes()...), nil
}
