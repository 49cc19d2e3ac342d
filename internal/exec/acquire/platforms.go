package acquire

import "slices"

// platforms are all platform ids: the contract with the initramfs and with images.
var platforms = []string{
	"akamai", "aliyun", "applehv", "aws", "azure", "azurestack", "brightbox", "cloudstack", "digitalocean",
	"exoscale", "file", "gcp", "hetzner", "hyperv", "ibmcloud", "kubevirt", "metal", "nutanix", "nvidiabluefield",
	"openstack", "oraclecloud", "packet", "powervs", "proxmoxve", "qemu", "scaleway", "upcloud", "virtualbox",
	"vmware", "vultr", "zvm",
}

// Platforms returns all platform ids, sorted.
func Platforms() []string { return slices.Clone(platforms) }

// IsPlatform reports whether an id is one of a platform.
func IsPlatform(id string) bool { return slices.Contains(platforms, id) }
