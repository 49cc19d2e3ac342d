package providers

import "github.com/kindling-boot/kindling/config/dialect"

// isNoCloudConfig reports whether user data is something else than the cloud-config
// that Proxmox VE puts there itself. That one is not applied: whoever wants more than it
// says puts a config beside it, and it asks for an upgrade of all packages unless it was
// told not to.
func isNoCloudConfig(data []byte) bool { return dialect.Of(data).Kind != dialect.CloudConfig }
