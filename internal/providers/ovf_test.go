package providers

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
)

// oracleOVF is parseOVF by the parser of the standard library. Documents that give one
// prefix two meanings are none that parseOVF knows: strange is set for them.
func oracleOVF(text string) (found map[string]string, strange, ok bool) {
	d := xml.NewDecoder(strings.NewReader(text))
	found = map[string]string{}
	prefixes := map[string]string{}
	depth, isSection, any := 0, false, false
	for {
		token, err := d.Token()
		if err != nil {
			return found, strange, any && depth == 0 && errors.Is(err, io.EOF)
		}
		switch e := token.(type) {
		case xml.Directive:
			return nil, strange, false
		case xml.StartElement:
			any = true
			for _, a := range e.Attr {
				if a.Name.Space == "xmlns" {
					old, known := prefixes[a.Name.Local]
					strange = strange || known && old != a.Value
					prefixes[a.Name.Local] = a.Value
				}
			}
			if depth++; depth == 2 {
				isSection = e.Name.Local == "PropertySection"
			}
			if depth == 3 && isSection && e.Name.Local == "Property" {
				values := map[string]string{}
				for _, a := range e.Attr {
					if a.Name.Space == ovfNamespace {
						values[a.Name.Local] = a.Value
					}
				}
				found[values["key"]] = values["value"]
			}
		case xml.EndElement:
			depth--
		}
	}
}

// ovfDocuments are documents as hypervisors write them, and others.
func ovfDocuments() map[string]string {
	open := `<Environment xmlns="` + ovfNamespace + `" xmlns:oe="` + ovfNamespace + `" xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' oe:id="">`
	return map[string]string{
		"as vSphere writes it": `<?xml version="1.0" encoding="UTF-8"?>
<Environment
     xmlns="` + ovfNamespace + `"
     xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
     xmlns:oe="` + ovfNamespace + `"
     xmlns:ve="http://www.vmware.com/schema/ovfenv"
     oe:id=""
     ve:vCenterId="vm-4711">
   <PlatformSection>
      <Kind>VMware ESXi</Kind>
   </PlatformSection>
   <PropertySection>
         <Property oe:key="guestinfo.hostname" oe:value=""/>
         <Property oe:key="guestinfo.ignition.config.data" oe:value="{&quot;a&quot;: &apos;&lt;&gt;&amp;&#65;&#x42;&apos;}"/>
   </PropertySection>
   <ve:EthernetAdapterSection>
      <ve:Adapter ve:mac="00:50:56:00:00:01" ve:network="net" ve:unitNumber="7"/>
   </ve:EthernetAdapterSection>
</Environment>
`,
		"other prefixes":            strings.ReplaceAll(open, "oe", "x") + `<PropertySection><Property x:key='a' x:value='b "c"'></Property></PropertySection></Environment>`,
		"no prefix is no namespace": open + `<PropertySection><Property key="a" value="b"/></PropertySection></Environment>`,
		"comments and CDATA":        open + `<!-- <Property oe:key="no"/> --><PropertySection><![CDATA[<Property oe:key="no"/>]]><Property oe:key="a" oe:value="b"/></PropertySection></Environment>`,
		"elsewhere":                 open + `<Entity><PropertySection><Property oe:key="a" oe:value="b"/></PropertySection></Entity></Environment>`,
		"not closed":                open + `<PropertySection>`,
		"closed twice":              open + `</Environment></Environment>`,
		"closed by another":         open + `<a><b></a></b></Environment>`,
		"a document type":           `<!DOCTYPE x [<!ENTITY e 'e'>]><x>&e;</x>`,
		"an unknown entity":         open + `<PropertySection><Property oe:key="&e;"/></PropertySection></Environment>`,
		"a value without quotes":    open + `<PropertySection><Property oe:key=a/></PropertySection></Environment>`,
		"no XML":                    "hello",
		"half an entity":            open + `<PropertySection><Property oe:key="&l;"/></PropertySection></Environment>`,
		"attributes side by side":   open + `<PropertySection><Property oe:key="a"oe:value='b'/></PropertySection></Environment>`,
		"a character too large":     open + `<PropertySection><Property oe:key="&#x110000;"/></PropertySection></Environment>`,
		"a carriage return":         open + "<PropertySection><Property oe:key=\"a\" oe:value=\"b\r\nc\rd&#13;\"/></PropertySection></Environment>",
	}
}

func TestOVFAsTheStandardLibrary(t *testing.T) {
	for name, text := range ovfDocuments() {
		t.Run(name, func(t *testing.T) {
			want, _, ok := oracleOVF(text)
			got, err := parseOVF(text)
			if (err == nil) != ok || ok && !maps.Equal(got, want) {
				t.Errorf("it has %q, %v; want %q, %v", got, err, want, ok)
			}
		})
	}
}
