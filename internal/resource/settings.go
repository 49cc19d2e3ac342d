package resource

import (
	"crypto/x509"
	"fmt"
	"time"
)

// clientSettings are what a config may set about HTTP.
type clientSettings struct {
	proxy proxy
	// responseHeaders limits the wait for the header of an answer; 0 means no limit.
	responseHeaders time.Duration
	// roots are the authorities to trust; nil means those of the system.
	roots *x509.CertPool
	// authorities identifies roots.
	authorities string
	// isPrivileged sends from ports below 1024.
	isPrivileged bool
}

// privileged returns the settings with the ports that root only can use.
func (c clientSettings) privileged() clientSettings {
	c.isPrivileged = true
	return c
}

// key tells settings apart.
func (c clientSettings) key() string {
	return fmt.Sprintf("%s;%d;%s;%v", c.proxy.text, c.responseHeaders, c.authorities, c.isPrivileged)
}

// seconds reads a time limit of a config: 0 is none.
func seconds(n *int, unset time.Duration) time.Duration {
	if n == nil {
		return unset
	}
	return time.Duration(max(*n, 0)) * time.Second
}
