package timeline

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/internal/exec/record"
)

// colors of everything, on light and on dark paper. Viewers of pictures know neither
// variables nor functions of style sheets, so each is written out.
var colors = []struct{ selector, property, light, dark string }{
	{"svg .paper", "fill", "#ffffff", "#0d1117"},
	{"svg text", "fill", "#1f2328", "#e6edf3"},
	{"svg .sum, svg .time", "fill", "#656d76", "#9198a1"},
	{"svg .tick", "stroke", "#d8dee4", "#2b323b"},
	{"svg .stage", "fill", "#eef1f4", "#1a2028"},
	{"svg .alone", "fill", "#c3cad2", "#3a434d"},
	{"svg .bad", "fill", "#ffebe9", "#3b1518"},
	{".disk", "fill", "#d4731c", "#e8964a"},
	{".mount", "fill", "#2f8f5b", "#4cb782"},
	{".node", "fill", "#3572c6", "#6ea8fe"},
	{".account", "fill", "#0f8a94", "#39b5bf"},
	{".unit", "fill", "#8250c8", "#b28bf0"},
	{".other", "fill", "#7d8590", "#8b949e"},
	{".failed", "fill", "#cf222e", "#ff7b72"},
	{"body", "background", "#ffffff", "#0d1117"},
	{"body", "color", "#1f2328", "#e6edf3"},
	{"p, .legend, .place", "color", "#656d76", "#9198a1"},
	{"td", "border-color", "#d8dee4", "#2b323b"},
	{".why", "color", "#cf222e", "#ff7b72"},
}

// style is the style sheet of the picture, alone and in the page.
func style() string {
	var light, dark strings.Builder
	for _, c := range colors {
		fmt.Fprintf(&light, "%s { %s: %s }\n", c.selector, c.property, c.light)
		fmt.Fprintf(&dark, "%s { %s: %s }\n", c.selector, c.property, c.dark)
	}
	return `
svg text { font: 12px system-ui, sans-serif }
svg .time { text-anchor: middle } svg .name { text-anchor: end; font-weight: 600 }
svg .sum { text-anchor: end; font-size: 11px }
svg g > rect:not(.stage):hover { stroke: #888; stroke-width: 1.5 }
` + light.String() + "@media (prefers-color-scheme: dark) {\n" + dark.String() + "}\n"
}

// pageStyle is that of the rest of the page.
const pageStyle = `
body { margin: 2rem auto; max-width: 1240px; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } p { margin: .2rem 0 1.2rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
svg { width: 100%; height: auto } .legend { display: flex; flex-wrap: wrap; gap: 1.2rem; font-size: .85rem }
.legend svg { width: 11px; height: 11px; margin-right: .4rem }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid; padding: .3rem .8rem .3rem 0; vertical-align: top }
td:not(:last-child) { width: 1%; white-space: nowrap } td:first-child { text-align: right; font-variant-numeric: tabular-nums } code { font-size: .9em; overflow-wrap: anywhere }
`

// legend names the colors.
var legend = []struct{ class, name string }{
	{"disk", "disks"},
	{"mount", "mounts"},
	{"node", "files, directories, links"},
	{"account", "users and groups"},
	{"unit", "units"},
	{"other", "other"},
	{"failed", "failed"},
}

// page is one HTML page that needs nothing else.
func page(b *record.Boot, top int) string {
	var out strings.Builder
	fmt.Fprintf(&out, `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>First boot</title>
<style>%s%s</style>
</head>
<body>
<h1>First boot</h1>
<p>%s</p>
%s<div class="legend">
`, pageStyle, style(), escape(headline(b)), newPicture(b).svg(""))
	for _, l := range legend {
		fmt.Fprintf(&out, `<span><svg viewBox="0 0 11 11"><rect class="%s" width="11" height="11" rx="2"/></svg>%s</span>`+"\n", l.class, l.name)
	}
	out.WriteString("</div>\n")
	if list := longest(b, top); len(list) > 0 {
		out.WriteString("<h2>The longest operations</h2>\n<table>\n")
		for _, o := range list {
			fmt.Fprintf(&out, "<tr><td>%s</td><td>%s</td><td>%s <code>%s</code>", o.duration(), escape(o.stage), escape(o.Kind), escape(o.Target))
			if asked := o.asked(); asked != "" {
				fmt.Fprintf(&out, `<br><span class="place">%s</span>`, escape(asked))
			}
			if o.Error != "" {
				fmt.Fprintf(&out, `<br><span class="why">%s</span>`, escape(o.Error))
			}
			out.WriteString("</td></tr>\n")
		}
		out.WriteString("</table>\n")
	}
	out.WriteString("</body>\n</html>\n")
	return out.String()
}
