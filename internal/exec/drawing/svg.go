package drawing

import (
	"fmt"
	"html"
	"strings"

	"github.com/kindling-boot/kindling/internal/exec"
)

// Sizes of the picture, in its units.
const (
	svgWidth   = 960
	svgMargin  = 28
	svgBar     = 62  // the height of a bar
	svgLeast   = 58  // the least width of a box
	svgLetter  = 6.6 // the width of a letter, and of a bold one
	svgBold    = 8.2
	svgLabels  = 64 // for the words before and after
	svgCard    = 228
	svgHeading = 76
	svgLine    = 20
)

// svgStyle has the colors, for light and for dark surroundings. Verbs differ in words and
// in the pattern of their frames, not in color alone.
const svgStyle = `
    :root { color-scheme: light dark; }
    .page { fill: #ffffff; } .card { fill: #f6f7f9; stroke: #d9dde3; }
    text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1c2430; }
    .title { font-size: 18px; font-weight: 600; } .device { font-size: 14px; font-weight: 600; }
    .dim { fill: #5d6878; } .name { font-weight: 600; } .verb { font-weight: 600; font-size: 11px; }
    .keep rect { fill: #dfe5ee; stroke: #9aa7b8; } .free rect { fill: none; stroke: #b6bfcb; stroke-dasharray: 3 3; }
    .create rect { fill: #d6f0dc; stroke: #2f8f4e; } .create .verb { fill: #1b6e37; }
    .resize rect { fill: #fdeec7; stroke: #b98711; } .resize .verb { fill: #805b00; }
    .WIPE rect { fill: #fbdcd9; stroke: #c9362b; stroke-width: 2; } .WIPE .verb { fill: #a3231a; }
    .loss rect { fill: #c9362b; } .loss text { fill: #ffffff; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #12161c; } .card { fill: #1b212a; stroke: #323b48; }
      text { fill: #e6eaf0; } .dim { fill: #9da8b8; }
      .keep rect { fill: #2c3643; stroke: #5d6b7d; } .free rect { stroke: #4a5563; }
      .create rect { fill: #173d25; stroke: #4bb36d; } .create .verb { fill: #7fd99b; }
      .resize rect { fill: #43350f; stroke: #d8a632; } .resize .verb { fill: #f0c75e; }
      .WIPE rect { fill: #4b1a17; stroke: #f0655a; } .WIPE .verb { fill: #ff9d94; }
      .loss rect { fill: #a52a20; }
    }
`

// SVG draws all disks of a plan as one picture. Losses are shown first, as in the text.
func SVG(disks []*exec.DiskPlan, losses []string) string {
	var b strings.Builder
	height := svgHeading + svgCard*len(disks) + svgMargin
	if len(losses) > 0 {
		height += lossHeight(losses) + svgMargin/2
	}
	if len(disks) == 0 {
		height += svgLine
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="what happens to the disks">`+"\n", svgWidth, height, svgWidth, height)
	fmt.Fprintf(&b, "  <style>%s  </style>\n", svgStyle)
	fmt.Fprintf(&b, `  <rect class="page" width="%d" height="%d"/>`+"\n", svgWidth, height)
	fmt.Fprintf(&b, `  <text class="title" x="%d" y="44">What happens to the disks</text>`+"\n", svgMargin)
	y := svgHeading
	if len(losses) > 0 {
		svgLosses(&b, losses, y)
		y += lossHeight(losses) + svgMargin/2
	}
	if len(disks) == 0 {
		fmt.Fprintf(&b, `  <text class="dim" x="%d" y="%d">The config names no disk.</text>`+"\n", svgMargin, y)
	}
	for _, d := range disks {
		svgDisk(&b, d, y)
		y += svgCard
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func lossHeight(losses []string) int { return 40 + svgLine*len(losses) }

func svgLosses(b *strings.Builder, losses []string, y int) {
	fmt.Fprintf(b, `  <g class="loss"><rect x="%d" y="%d" width="%d" height="%d" rx="8"/>`, svgMargin, y, svgWidth-2*svgMargin, lossHeight(losses))
	fmt.Fprintf(b, `<text class="device" x="%d" y="%d">DATA WILL BE LOST</text>`, svgMargin+16, y+25)
	for i, l := range losses {
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`, svgMargin+16, y+46+svgLine*i, html.EscapeString(clean(l)))
	}
	b.WriteString("</g>\n")
}

func svgDisk(b *strings.Builder, d *exec.DiskPlan, y int) {
	inner := svgWidth - 2*svgMargin
	fmt.Fprintf(b, `  <rect class="card" x="%d" y="%d" width="%d" height="%d" rx="8"/>`+"\n", svgMargin, y, inner, svgCard-16)
	name := html.EscapeString(clean(d.Device))
	about := fmt.Sprintf("%s, sectors of %d bytes", size(d.SizeBytes), d.SectorSize)
	if d.Node != d.Device {
		about = html.EscapeString(clean(d.Node)) + ", " + about
	}
	fmt.Fprintf(b, `  <text x="%d" y="%d"><tspan class="device">%s</tspan><tspan class="dim" dx="10">%s</tspan></text>`+"\n", svgMargin+16, y+28, name, about)
	svgSide(b, "before", before(d), y+46)
	svgSide(b, "after", after(d), y+46+svgBar+16)
}

func svgSide(b *strings.Builder, title string, all []cell, y int) {
	left := svgMargin + 16 + svgLabels
	room := svgWidth - svgMargin - 16 - left
	fmt.Fprintf(b, `  <text class="dim" x="%d" y="%d">%s</text>`+"\n", svgMargin+16, y+svgBar/2+4, title)
	const gap = 3
	all, fits := fold(all, room/(svgLeast+gap))
	if !fits {
		fmt.Fprintf(b, `  <text class="dim" x="%d" y="%d">%d partitions, too many to be drawn</text>`+"\n", left, y+svgBar/2+4, len(all))
		return
	}
	spread(all, room-gap*(len(all)-1), svgLeast)
	x := left
	for _, c := range all {
		class := c.verb
		if class == "" {
			class = "free"
		}
		whole := strings.Join(strings.Fields(c.name+" "+c.size+" "+c.verb+" "+c.holds), " ")
		fmt.Fprintf(b, `  <g class="%s"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="5"/>`, class, html.EscapeString(whole), x, y, c.width, svgBar)
		lines := []struct{ class, text string }{{"name", c.name}, {"dim", c.size}, {"verb", c.verb}}
		if c.holds != "" {
			lines[1].text += ", " + c.holds
		}
		for i, l := range lines {
			letter := svgLetter
			if l.class == "name" {
				letter = svgBold
			}
			if text := strings.TrimRight(fit(l.text, int(float64(c.width-10)/letter), true), " "); text != "" {
				fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">%s</text>`, l.class, x+7, y+19+17*i, html.EscapeString(text))
			}
		}
		b.WriteString("</g>\n")
		x += c.width + gap
	}
}
