package cloudconfig_test

import (
	"testing"

	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
)

const twentyLines = `#cloud-config
hostname: web1
timezone: Europe/Berlin
users:
  - name: ada
    groups: adm
    sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample00 ada
write_files:
  - path: /etc/app.conf
    permissions: '0644'
    content: |
      debug
ntp:
  servers: [time.example.com]
mounts:
  - [/dev/vdb, /srv, ext4, noatime]
runcmd:
  - systemctl enable app
`

func BenchmarkTranslate(b *testing.B) {
	for b.Loop() {
		_, _, found := cloudconfig.Translate(source.NewFile("user-data", []byte(twentyLines)), cloudconfig.Options{})
		if found.HasErrors() {
			b.Fatal(found)
		}
	}
}
