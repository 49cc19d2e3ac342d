package timeline

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/internal/exec/record"
)

// Measures of the picture, in pixels.
const (
	width      = 1200
	left       = 130 // where time begins; the names of the stages stand before it
	right      = 24
	axisHeight = 34
	laneHeight = 14
	barHeight  = 11
	stageSpace = 18 // between stages
	minBar     = 0.6
)

// groups are the colors, by kind of operation. What is in none has the color "other".
var groups = []struct {
	class string
	kinds []string
}{
	{"disk", []string{"disk", "raid", "luks volume", "luks key", "filesystem", "crypttab", "kernel arguments"}},
	{"mount", []string{"mount", "unmount"}},
	{"node", []string{"directory", "file", "link", "hard link"}},
	{"account", []string{"user", "group", "home", "ssh keys"}},
	{"unit", []string{"unit", "drop-in", "preset", "enable", "mask"}},
}

func classOf(kind string) string {
	kind = strings.ToLower(kind)
	for _, g := range groups {
		for _, k := range g.kinds {
			if kind == k {
				return g.class
			}
		}
	}
	return "other"
}

// picture is a boot laid out: each stage is a band, each operation a bar in one of the
// lanes of its stage.
type picture struct {
	boot   *record.Boot
	begin  time.Time
	scale  float64 // pixels for a second
	bands  []band
	height float64
}

type band struct {
	stage *record.Stage
	top   float64
	lanes int
	lane  []int // of each operation
}

func newPicture(b *record.Boot) *picture {
	p := &picture{boot: b, begin: b.Begin()}
	p.scale = (width - left - right) / max(b.Duration().Seconds(), 0.001)
	y := float64(axisHeight)
	for i := range b.Stages {
		s := &b.Stages[i]
		lanes, of := lanesOf(s.Operations)
		p.bands = append(p.bands, band{stage: s, top: y, lanes: max(lanes, 1), lane: of})
		y += float64(max(lanes, 1)*laneHeight + stageSpace)
	}
	p.height = y
	return p
}

// lanesOf gives each operation the first lane that is free when it begins. The
// operations are in the order they began.
func lanesOf(ops []record.Line) (lanes int, of []int) {
	var free []time.Time // when each lane is
	for i := range ops {
		begin := ops[i].Begin()
		lane := 0
		for lane < len(free) && free[lane].After(begin) {
			lane++
		}
		if lane == len(free) {
			free = append(free, time.Time{})
		}
		free[lane] = ops[i].Time
		of = append(of, lane)
	}
	return len(free), of
}

func (p *picture) x(t time.Time) float64 { return left + t.Sub(p.begin).Seconds()*p.scale }

// escape makes text safe in XML. Control characters are not allowed there at all.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == '\ufffe' || r == '\uffff' {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

// svg writes the picture, with a style sheet of its own.
func (p *picture) svg(css string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%d" height="%.0f" role="img" aria-label="%s">`+"\n",
		width, p.height, width, p.height, escape(headline(p.boot)))
	if css != "" {
		b.WriteString("<style>" + css + "</style>\n")
	}
	fmt.Fprintf(&b, `<rect class="paper" width="%d" height="%.0f"/>`+"\n", width, p.height)
	p.axis(&b)
	for i := range p.bands {
		p.band(&b, &p.bands[i])
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// axis draws lines at round times, about ten of them.
func (p *picture) axis(b *strings.Builder) {
	total := p.boot.Duration().Seconds()
	step := math.Pow(10, math.Floor(math.Log10(max(total, 0.001)/10)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if total/(step*factor) <= 11 {
			step *= factor
			break
		}
	}
	decimals := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	for i := 0; float64(i)*step <= total+step/1000; i++ {
		t := float64(i) * step
		x := left + t*p.scale
		fmt.Fprintf(b, `<line class="tick" x1="%.1f" x2="%.1f" y1="%d" y2="%.0f"/><text class="time" x="%.1f" y="16">%.*f s</text>`+"\n",
			x, x, axisHeight-12, p.height, x, decimals, t)
	}
}

func (p *picture) band(b *strings.Builder, d *band) {
	s := d.stage
	height := float64(d.lanes * laneHeight)
	class := "stage"
	switch {
	case s.Failed:
		class += " bad"
	case len(s.Operations) == 0:
		class += " alone"
	}
	said := strings.TrimSuffix(fmt.Sprintf("%s: %s, %s, %s", s.Name, seconds(s.Duration()), counted(len(s.Operations), "operation"), ending(s)), ", ")
	fmt.Fprintf(b, `<g><rect class="%s" x="%.2f" y="%.1f" width="%.2f" height="%.1f" rx="3"><title>%s</title></rect>`+"\n",
		class, p.x(s.Begin), d.top-3, max(s.Duration().Seconds()*p.scale, 1.5), height+4, escape(said))
	fmt.Fprintf(b, `<text class="name" x="%d" y="%.1f">%s</text><text class="sum" x="%d" y="%.1f">%s</text>`+"\n",
		left-12, d.top+9, escape(s.Name), left-12, d.top+22, seconds(s.Duration()))
	for i := range s.Operations {
		o := located{s.Name, &s.Operations[i]}
		class := classOf(o.Kind)
		if o.Event == "failed" || o.Error != "" {
			class = "failed"
		}
		fmt.Fprintf(b, `<rect class="%s" x="%.2f" y="%.1f" width="%.2f" height="%d" rx="1.5"><title>%s</title></rect>`+"\n",
			class, p.x(o.Begin()), d.top+float64(d.lane[i]*laneHeight), max(o.Seconds*p.scale, minBar), barHeight, escape(hover(o)))
	}
	b.WriteString("</g>\n")
}

// hover is what is shown of an operation that is pointed at.
func hover(o located) string {
	lines := []string{o.what(), o.duration()}
	if o.Bytes > 0 {
		lines[1] += fmt.Sprintf(", %d bytes", o.Bytes)
	}
	if asked := o.asked(); asked != "" {
		lines = append(lines, "asked by "+asked)
	}
	if o.Error != "" {
		lines = append(lines, "failed: "+o.Error)
	}
	return strings.Join(lines, "\n")
}
