package providers

import "bytes"

// isNoCloudConfig reports whether user data is something else than the cloud-config
// that Proxmox VE puts there itself.
func isNoCloudConfig(data []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(data, byteOrderMark), []byte("\n"))
	return !bytes.Equal(bytes.TrimRight(line, " \t\r"), []byte("#cloud-config"))
}
