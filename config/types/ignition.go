package types

import (
	"net/url"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
)

// Ignition is the section about the provisioner itself.
type Ignition struct {
	// Config names further configs to merge or to use instead of this one.
	Config IgnitionConfig `json:"config"`
	// Proxy says how to reach HTTP servers.
	Proxy Proxy `json:"proxy" since:"3.1"`
	// Security holds what fetches trust.
	Security Security `json:"security"`
	// Timeouts limit HTTP fetches.
	Timeouts Timeouts `json:"timeouts"`
	// Version is the spec the config is written for, for example 3.4.0.
	Version string `json:"version" yaml:"-"`
}

// IgnitionConfig refers to further configs.
type IgnitionConfig struct {
	// Merge lists configs merged over this one, in order.
	Merge []Resource `json:"merge,omitempty" merge:"key" net:"source"`
	// Replace is a config that takes the place of this one.
	Replace Resource `json:"replace" net:"source"`
}

// Proxy says how to reach HTTP servers. Environment variables are never used.
type Proxy struct {
	// HTTPProxy is the URL of the proxy for http resources.
	HTTPProxy *string `json:"httpProxy,omitempty" secret:"true"`
	// HTTPSProxy is the URL of the proxy for https resources.
	HTTPSProxy *string `json:"httpsProxy,omitempty" secret:"true"`
	// NoProxy lists hosts, domains and networks reached directly.
	NoProxy []string `json:"noProxy,omitempty" merge:"key"`
}

// Security holds what fetches trust.
type Security struct {
	// TLS configures https fetches.
	TLS TLS `json:"tls"`
}

// TLS configures https fetches.
type TLS struct {
	// CertificateAuthorities are trusted in addition to those of the system.
	CertificateAuthorities []Resource `json:"certificateAuthorities,omitempty" merge:"key" net:"source"`
}

// Timeouts limit HTTP fetches.
type Timeouts struct {
	// HTTPResponseHeaders is the time in seconds to wait for response headers;
	// 0 waits for ever, unset means 10.
	HTTPResponseHeaders *int `json:"httpResponseHeaders,omitempty"`
	// HTTPTotal is the time in seconds for one resource with all its attempts;
	// 0 and unset wait for ever.
	HTTPTotal *int `json:"httpTotal,omitempty"`
}

var (
	ruleProxy = &diag.Rule{
		ID: "proxy-scheme", Why: "proxies are reached by http or https", Help: "write http://HOST:PORT",
	}
	ruleProxyPlain = &diag.Rule{
		ID: "proxy-plain", Why: "anybody on the way to an http proxy can see which hosts the https requests go to",
		Help: "use an https:// proxy",
	}
)

// Check reports references to configs that name none.
func (i IgnitionConfig) Check(c *check.Ctx) {
	if c.Spec() > spec.V3_0 {
		for n, r := range i.Merge {
			checkReference(c.At("merge", n), r)
		}
	}
}

// Check reports certificate authorities that name none.
func (t TLS) Check(c *check.Ctx) {
	for n, r := range t.CertificateAuthorities {
		switch {
		case c.Spec() > spec.V3_0:
			checkReference(c.At("certificateAuthorities", n), r)
		case r.Source == nil || *r.Source == "":
			c.At("certificateAuthorities", n, "source").Errorf(ruleSourceMissing, "a certificate authority needs a source")
		}
	}
}

// checkReference reports an item that must have a usable source, at the item: the
// resource itself reports what is wrong with the source.
func checkReference(c *check.Ctx, r Resource) {
	switch {
	case r.Source == nil || *r.Source == "":
		c.Errorf(ruleSourceMissing, "this item needs a source")
	case !c.Quietly(func(c *check.Ctx) { checkURL(c, *r.Source) }):
		c.Errorf(ruleSourceUnusable, "the source of this item cannot be used")
	}
}

// Check reports proxies that cannot be used, or should not be.
func (p Proxy) Check(c *check.Ctx) {
	checkProxy(c.At("httpProxy"), p.HTTPProxy)
	if u := checkProxy(c.At("httpsProxy"), p.HTTPSProxy); u != nil && u.Scheme == "http" {
		c.At("httpsProxy").Warnf(ruleProxyPlain, "the proxy for https resources is reached by plain http")
	}
}

func checkProxy(c *check.Ctx, proxy *string) *url.URL {
	if proxy == nil {
		return nil
	}
	u, err := url.Parse(*proxy)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		c.Errorf(ruleProxy, "a proxy must be an http or https URL")
		return nil
	}
	return u
}
