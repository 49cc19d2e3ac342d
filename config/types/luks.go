package types

import (
	"net/url"
	"strings"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/spec"
)

// Luks is one LUKS2 volume.
type Luks struct {
	// Cex uses an IBM CryptoExpress card (s390x) for the volume key.
	Cex Cex `json:"cex" since:"3.5"`
	// Clevis unlocks the volume without a person.
	Clevis Clevis `json:"clevis"`
	// Device is the path of the block device.
	Device *string `json:"device,omitempty"`
	// Discard lets TRIM pass through to the device.
	Discard *bool `json:"discard,omitempty" since:"3.4"`
	// KeyFile is the key; without one a random key is made.
	KeyFile Resource `json:"keyFile" secret:"true" net:"source"`
	// Label of the volume, at most 47 bytes.
	Label *string `json:"label,omitempty"`
	// Name of the opened device below /dev/mapper.
	Name string `json:"name" merge:"identity"`
	// OpenOptions are further arguments for luksOpen.
	OpenOptions []string `json:"openOptions,omitempty" since:"3.4" merge:"key"`
	// Options are further arguments for luksFormat.
	Options []string `json:"options,omitempty" merge:"append"`
	// UUID of the volume.
	UUID *string `json:"uuid,omitempty"`
	// WipeVolume formats the volume even if it already holds one.
	WipeVolume *bool `json:"wipeVolume,omitempty"`
}

// Cex uses an IBM CryptoExpress card for the volume key.
type Cex struct {
	// Enabled turns it on.
	Enabled *bool `json:"enabled,omitempty"`
}

// Clevis unlocks a volume without a person.
type Clevis struct {
	// Custom is a pin with a config of its own, in place of the others.
	Custom ClevisCustom `json:"custom"`
	// Tang lists network servers that hold a share of the key.
	Tang []Tang `json:"tang,omitempty" merge:"key"`
	// Threshold is the number of shares needed; unset means 1.
	Threshold *int `json:"threshold,omitempty"`
	// Tpm2 uses the TPM of the machine.
	Tpm2 *bool `json:"tpm2,omitempty"`
}

// ClevisCustom is a Clevis pin with its config.
type ClevisCustom struct {
	// Config for the pin, as JSON text.
	Config *string `json:"config,omitempty" secret:"true"`
	// NeedsNetwork says that unlocking needs the network.
	NeedsNetwork *bool `json:"needsNetwork,omitempty"`
	// Pin names the pin; before 3.6.0 one of tpm2, tang, sss.
	Pin *string `json:"pin,omitempty"`
}

// Tang is one network server that holds a share of the key.
type Tang struct {
	// Advertisement of the server, as JSON text; with it binding needs no network.
	Advertisement *string `json:"advertisement,omitempty" since:"3.4"`
	// Thumbprint of a trusted signing key.
	Thumbprint *string `json:"thumbprint,omitempty"`
	// URL of the server.
	URL string `json:"url,omitempty" merge:"identity"`
}

var (
	ruleLuksName = &diag.Rule{
		ID: "luks-name", Why: "the name becomes a file below /dev/mapper", Help: "choose a name without a slash",
	}
	ruleLuksLabel = &diag.Rule{
		ID: "luks-label", Why: "the LUKS2 header has room for 47 bytes",
		Help: "shorten the label",
	}
	ruleClevisCustom = &diag.Rule{
		ID: "clevis-custom", Why: "a custom pin is the whole Clevis config of the volume",
		Help: "remove tang, tpm2 and threshold, or write them into the config of the custom pin",
	}
	ruleClevisPin = &diag.Rule{
		ID: "clevis-pin", Why: "Clevis looks the pin up by its name",
	}
	ruleClevisConfig = &diag.Rule{
		ID: "clevis-config", Why: "a pin without its config cannot bind", Help: "give the config of the pin as JSON text",
	}
	ruleTangURL = &diag.Rule{
		ID: "tang-url", Why: "Tang servers speak HTTP", Help: "write http://HOST[:PORT]",
	}
	ruleTangThumbprint = &diag.Rule{
		ID: "tang-thumbprint", Why: "without the thumbprint any server could pose as this one",
		Help: "run tang-show-keys on the server to see it",
	}
	ruleTangAdvertisement = &diag.Rule{
		ID: "tang-advertisement", Why: "the advertisement is handed to Clevis as JSON",
		Help: "store what http://SERVER/adv answers",
	}
	ruleCex = &diag.Rule{
		ID: "cex-alone", Why: "with a CryptoExpress card the card keeps the key of the volume",
		Help: "use one way to unlock the volume",
	}
)

// 48 bytes with NUL: cryptsetup, LUKS2 header, label.
const maxLuksLabel = 47

var clevisPins = spec.Values{"3.2 sss tang tpm2"}

// Check reports a volume that cannot be made or unlocked.
func (l Luks) Check(c *check.Ctx) {
	if strings.Contains(l.Name, "/") {
		c.At("name").Errorf(ruleLuksName, "the volume name %q contains a slash", l.Name)
	}
	if l.Label != nil && len(*l.Label) > maxLuksLabel {
		c.At("label").Errorf(ruleLuksLabel, "the LUKS label has %d bytes, at most %d are possible", len(*l.Label), maxLuksLabel)
	}
	if !isSet(l.Device) {
		c.At("device").Errorf(ruleDeviceMissing, "the volume has no device")
	} else {
		c.At("device").AbsPath(*l.Device)
	}
	if source := l.KeyFile.Source; isSet(source) && !c.Quietly(func(c *check.Ctx) { checkURL(c, *source) }) {
		c.Errorf(ruleSourceUnusable, "the source of the key file cannot be used")
	}
	if l.Cex.Enabled == nil || !*l.Cex.Enabled {
		return
	}
	if isSet(l.Clevis.Custom.Pin) || l.Clevis.hasOwnPins() {
		c.At("cex").Errorf(ruleCex, "the volume has both cex and clevis")
	}
	if isSet(l.KeyFile.Source) {
		c.At("cex").Errorf(ruleCex, "the volume has both cex and a key file")
	}
}

// hasOwnPins reports whether anything but a custom pin is configured.
func (v Clevis) hasOwnPins() bool {
	return len(v.Tang) > 0 || v.Tpm2 != nil && *v.Tpm2 || v.Threshold != nil && *v.Threshold != 0
}

// Check reports a custom pin next to others.
func (v Clevis) Check(c *check.Ctx) {
	custom := isSet(v.Custom.Pin)
	if c.Spec() <= spec.V3_2 {
		custom = v.Custom.Pin != nil // the object is there, see FillAbsent
	}
	if custom && v.hasOwnPins() {
		c.Errorf(ruleClevisCustom, "a custom pin stands next to tang, tpm2 or threshold")
	}
}

// Check reports a custom pin that is not complete.
func (p ClevisCustom) Check(c *check.Ctx) {
	needsNetwork := c.Spec() > spec.V3_2 && p.NeedsNetwork != nil && *p.NeedsNetwork
	if !isSet(p.Pin) && !isSet(p.Config) && !needsNetwork {
		return
	}
	pin := ""
	if p.Pin != nil {
		pin = *p.Pin
	}
	switch at := c.At("pin"); {
	case pin == "":
		at.Errorf(ruleClevisPin, "the custom pin has no name")
	case c.Spec() < spec.V3_6:
		at.OneOf(ruleClevisPin, "Clevis pin", pin, clevisPins)
	}
	if !isSet(p.Config) {
		c.At("config").Errorf(ruleClevisConfig, "the custom pin has no config")
	}
}

// FillAbsent implements schema.Filler: in 3.2.0 a custom object that is there has
// a pin and a config, if only empty ones.
func (p *ClevisCustom) FillAbsent(v spec.Version) {
	if v > spec.V3_2 {
		return
	}
	if p.Pin == nil {
		p.Pin = new(string)
	}
	if p.Config == nil {
		p.Config = new(string)
	}
}

// Check reports a server that cannot be used.
func (t Tang) Check(c *check.Ctx) {
	if u, err := url.Parse(t.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		c.At("url").Errorf(ruleTangURL, "a Tang server needs an http or https URL")
	}
	if !isSet(t.Thumbprint) {
		c.At("thumbprint").Errorf(ruleTangThumbprint, "the Tang server has no thumbprint")
	}
	if isSet(t.Advertisement) && !json.Valid([]byte(*t.Advertisement)) {
		c.At("advertisement").Errorf(ruleTangAdvertisement, "the advertisement is not JSON")
	}
}
