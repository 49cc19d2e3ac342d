package reports

import (
	"io"
	"net/url"
	"path"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
)

// object is a JSON object; its members are written in order of their names.
type object = map[string]any

// rulesURL is the page with the rules, whose ids are its anchors.
const rulesURL = "https://github.com/kindling-boot/kindling/blob/main/docs/rules.md"

// SARIF prints the list as a log of the Static Analysis Results Interchange Format,
// for services that show findings. Section numbers are those of SARIF 2.1.0.
func SARIF(w io.Writer, l diag.List, by Tool) error {
	rules, results := []object{}, []object{}
	index := map[string]int{}
	each(l, func(d *diag.Diagnostic) {
		i, known := index[d.Rule.ID]
		if !known {
			i = len(rules)
			index[d.Rule.ID] = i
			rule := object{"id": d.Rule.ID, "shortDescription": text(d.Rule.Why), "helpUri": rulesURL + "#" + d.Rule.ID}
			if d.Rule.Help != "" {
				rule["help"] = text(d.Rule.Help)
			}
			rules = append(rules, rule)
		}
		message := d.Message
		if d.Help != "" {
			message += "\nhelp: " + d.Help
		}
		result := object{
			"ruleId": d.Rule.ID, "ruleIndex": i, "message": text(message),
			"level": [...]string{"error", "warning", "note"}[d.Severity],
		}
		if location := sarifLocation(d); len(location) > 0 {
			result["locations"] = []object{location}
		}
		results = append(results, result)
	})
	driver := object{"name": by.Name, "version": by.Version, "informationUri": rulesURL, "rules": rules}
	return json.Write(w, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		// §3.14.17: without columnKind, columns would count UTF-16 units
		"runs": []object{{"tool": object{"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}},
	})
}

// text is a message, §3.11. It has no arguments and so no placeholders.
func text(s string) object { return object{"text": s} }

func sarifLocation(d *diag.Diagnostic) object {
	location := object{}
	if at := innermost(d); !at.IsZero() {
		start, end := at.Position(), at.File.Position(at.End)
		location["physicalLocation"] = object{
			"artifactLocation": object{"uri": fileURI(at.File.Name)},
			// §3.30.8: the end column is the one after the last character
			"region": object{"startLine": start.Line, "startColumn": start.Column, "endLine": end.Line, "endColumn": end.Column},
		}
	}
	if len(d.Path) > 0 {
		location["logicalLocations"] = []object{{"fullyQualifiedName": d.Path.String()}}
	}
	return location
}

// fileURI writes the name of a file as a URI, relative if the name is: §3.4.3.
func fileURI(name string) string {
	u := url.URL{Path: name}
	if path.IsAbs(name) {
		u.Scheme = "file"
	}
	return u.String()
}
