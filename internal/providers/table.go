package providers

import (
	"net/http"
	"time"
)

// cidataWait is how long a cidata volume is waited for where it may be missing.
const cidataWait = 30 * time.Second

// The files of signals that several rows share.
const (
	vendor  = "sys_vendor"
	product = "product_name"
	asset   = "chassis_asset_tag"
)

// dynamicIPv6 is how the manual writes the addresses of linkLocalIPv6.
const dynamicIPv6 = "[fe80::a9fe:a9fe%INTERFACE]"

// openStackData is the file of the user data in the config drive and in the service.
const openStackData = "/openstack/latest/user_data"

// amazon is the service of EC2, aliyun that of Alibaba: they give tokens.
var amazon = &service{
	hosts: []string{linkLocal, "http://[fd00:ec2::254]"}, path: "/2019-10-01/user-data",
	token: &token{
		path: "/latest/api/token", carry: "X-aws-ec2-metadata-token",
		header: []string{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}, optional: []int{http.StatusNotFound},
	},
	hint: "is the instance metadata service switched on for this instance?",
}

var aliyun = &service{
	hosts: []string{"http://100.100.100.200"}, path: "/latest/user-data",
	token: &token{
		path: "/latest/api/token", carry: "X-aliyun-ecs-metadata-token",
		header: []string{"X-aliyun-ecs-metadata-token-ttl-seconds", "21600"},
		optional: []int{
			http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		},
	},
}

// Table returns all platforms, sorted by id. The addresses, headers and labels are those
// that the platforms document; docs/platforms.md is compared with this table.
func Table() []Platform { return table }

var table = []Platform{
	{
		ID: "akamai", About: "Akamai Connected Cloud (Linode)", Signals: []Signal{{File: vendor, Is: "Akamai"}, {File: vendor, Is: "Linode"}},
		place: &service{
			hosts: []string{linkLocal, "http://[fd00:a9fe:a9fe::1]"}, path: "/v1/user-data", header: []string{"Accept", "*/*"},
			token: &token{
				path: "/v1/token", carry: "Metadata-Token",
				header: []string{"Accept", "text/plain", "Metadata-Token-Expiry-Seconds", "300"},
			},
			declared: declaredBase64,
		},
	},
	{
		ID: "aliyun", About: "Alibaba Cloud ECS", Signals: []Signal{{File: product, Is: "Alibaba Cloud ECS"}},
		place: aliyun,
		metadata: &leaves{aliyun, "/latest/meta-data/", []fact{
			{"private-ipv4", privateIPv4},
			{"eipv4", publicIPv4},
			{"hostname", hostName},
			{"instance-id", instanceID},
			{"region-id", region},
			{"zone-id", zone},
		}},
	},
	{ID: "applehv", About: "Apple Hypervisor (podman machine, vfkit)", place: &appleHost{}},
	{
		ID: "aws", About: "Amazon EC2",
		Signals: []Signal{{File: vendor, Is: "Amazon EC2"}, {File: "product_uuid", Is: "ec2", Prefix: true}},
		place:   amazon,
		metadata: &leaves{amazon, "/2021-01-03/meta-data/", []fact{
			{"local-ipv4", privateIPv4},
			{"public-ipv4", publicIPv4},
			{"hostname", hostName},
			{"instance-id", instanceID},
			{"placement/availability-zone", zone},
			{"placement/region", region},
			{"ipv6", "public_ipv6"},
		}},
	},
	{
		ID: "azure", About: "Microsoft Azure", Signals: []Signal{{File: asset, Is: "7783-7084-3265-9085-8269-3286-77"}},
		place: sequence{
			&service{
				hosts: []string{linkLocal}, path: "/metadata/instance/compute/userData?api-version=2021-01-01&format=text",
				header: []string{"Metadata", "true"}, declared: declaredBase64,
				// the service says so while it starts: Azure's "IMDS errors and debugging"
				retry: []int{http.StatusNotFound, http.StatusGone},
			},
			&ovfDisc{formats: []string{"udf"}},
		},
		metadata: &leaves{
			&service{hosts: []string{linkLocal}, header: []string{"Metadata", "true"}},
			"/metadata/instance/",
			[]fact{{"compute/name?api-version=2021-02-01&format=text", hostName}},
		},
	},
	{ID: "azurestack", About: "Microsoft Azure Stack Hub", place: &ovfDisc{formats: []string{"udf", "iso9660"}}},
	{
		ID: "brightbox", About: "Brightbox", Signals: []Signal{{File: "product_serial", Is: ".brightbox.com", Suffix: true}},
		place: openStack, metadata: &leaves{&service{hosts: []string{linkLocal}}, "/latest/meta-data/", amazonLeaves},
	},
	{
		ID: "cloudstack", About: "Apache CloudStack", Signals: []Signal{{File: product, Is: "CloudStack", Prefix: true}},
		place: race{
			&drive{labels: configLabels, files: []string{"/cloudstack/userdata/user_data.txt"}},
			&service{path: "/latest/user-data", moreHosts: dhcpServers, dynamic: "DHCP-SERVER"},
		},
		metadata: &leaves{&service{moreHosts: dhcpServers}, "/latest/meta-data/", amazonLeaves},
	},
	{
		ID: "digitalocean", About: "DigitalOcean", Signals: []Signal{{File: vendor, Is: "DigitalOcean"}},
		place: &service{hosts: []string{linkLocal}, path: "/metadata/v1/user-data"},
		metadata: &leaves{&service{hosts: []string{linkLocal}}, "/metadata/v1/", []fact{
			{"interfaces/private/0/ipv4/address", privateIPv4},
			{"interfaces/public/0/ipv4/address", publicIPv4},
			{"interfaces/private/0/ipv6/address", "private_ipv6"},
			{"interfaces/public/0/ipv6/address", "public_ipv6"},
			{"hostname", hostName},
			{"id", instanceID},
			{"region", region},
		}},
	},
	{
		ID: "exoscale", About: "Exoscale", Signals: []Signal{{File: product, Is: "Exoscale", Prefix: true}},
		place: &service{hosts: []string{linkLocal}, path: "/1.0/user-data"}, metadata: &leaves{&service{hosts: []string{linkLocal}}, "/1.0/meta-data/", []fact{
			{"local-ipv4", privateIPv4},
			{"public-ipv4", publicIPv4},
			{"local-hostname", hostName},
			{"instance-id", instanceID},
			{"availability-zone", zone},
		}},
	},
	{ID: "file", About: "a file, for tests", place: &envFile{}},
	{
		ID: "gcp", About: "Google Compute Engine",
		Signals: []Signal{{File: product, Is: "Google Compute Engine"}, {File: "product_serial", Is: "GoogleCloud-", Prefix: true}},
		place:   &service{hosts: []string{linkLocal}, path: "/computeMetadata/v1/instance/attributes/user-data", header: []string{"Metadata-Flavor", "Google"}},
		metadata: &leaves{&service{hosts: []string{linkLocal}, header: []string{"Metadata-Flavor", "Google"}}, "/computeMetadata/v1/instance/", []fact{
			{"network-interfaces/0/ip", privateIPv4},
			{"network-interfaces/0/access-configs/0/external-ip", publicIPv4},
			{"hostname", hostName},
			{"id", instanceID},
		}},
	},
	{
		ID: "hetzner", About: "Hetzner Cloud", Signals: []Signal{{File: vendor, Is: "Hetzner"}},
		place: &service{
			hosts: []string{linkLocal}, path: "/hetzner/v1/userdata", moreHosts: linkLocalIPv6, dynamic: dynamicIPv6,
		},
		metadata: &leaves{&service{hosts: []string{linkLocal}}, "/hetzner/v1/metadata/", []fact{
			{"public-ipv4", publicIPv4},
			{"hostname", hostName},
			{"instance-id", instanceID},
			{"region", region},
			{"availability-zone", zone},
		}},
	},
	{ID: "hyperv", About: "Microsoft Hyper-V", Signals: []Signal{{File: product, Is: "Virtual Machine"}}, place: &hypervKVP{}},
	{ID: "ibmcloud", About: "IBM Cloud VPC", place: &drive{labels: cidataLabels, files: []string{"/" + userData}, beside: true, wait: cidataWait}, metadata: volumeMetadata},
	{
		ID: "kubevirt", About: "KubeVirt", Signals: []Signal{{File: vendor, Is: "KubeVirt"}, {File: "product_family", Is: "KubeVirt"}},
		place: race{&drive{labels: cidataLabels, files: []string{"/" + userData}, beside: true, wait: forever}, &drive{labels: configLabels, files: []string{openStackData}}}, metadata: volumeMetadata,
	},
	{ID: "metal", About: "bare metal, or a platform without configs", place: &nowhere{}},
	{
		ID: "nocloud", About: "a volume labelled cidata, or a seed named by firmware or kernel arguments",
		Signals: []Signal{{File: "product_serial", Is: "ds=nocloud", Prefix: true}}, place: &noCloud{}, metadata: volumeMetadata,
	},
	{ID: "nutanix", About: "Nutanix AHV", Signals: []Signal{{File: vendor, Is: "Nutanix"}}, place: &drive{labels: configLabels, files: []string{openStackData}}},
	{ID: "nvidiabluefield", About: "NVIDIA BlueField", place: &bootFIFO{}},
	{
		ID: "openstack", About: "OpenStack and clouds made of it",
		Signals: []Signal{
			{File: product, Is: "OpenStack Nova"},
			{File: product, Is: "OpenStack Compute"},
			{File: asset, Is: "OpenTelekomCloud"},
			{File: asset, Is: "SAP CCloud VM"},
			{File: asset, Is: "HUAWEICLOUD"},
			{File: asset, Is: "Samsung Cloud Platform"},
		},
		place: openStack, metadata: &leaves{&service{hosts: []string{linkLocal}}, "/latest/meta-data/", amazonLeaves},
	},
	{
		ID: "oraclecloud", About: "Oracle Cloud Infrastructure", Signals: []Signal{{File: asset, Is: "OracleCloud.com"}},
		place: &service{
			hosts: []string{linkLocal, "http://[fd00:c1::a9fe:a9fe]"}, path: "/opc/v2/instance/metadata/user_data",
			header: []string{"Authorization", "Bearer Oracle"}, declared: declaredBase64,
		},
		metadata: &leaves{
			&service{hosts: []string{linkLocal}, header: []string{"Authorization", "Bearer Oracle"}},
			"/opc/v2/instance/",
			[]fact{{"hostname", hostName}, {"id", instanceID}, {"canonicalRegionName", region}},
		},
	},
	{
		ID: "packet", About: "Equinix Metal (Packet)", report: reportToPacket,
		place: &service{hosts: []string{packetHost}, path: "/userdata", header: []string{"Accept", "*/*"}},
	},
	{ID: "powervs", About: "IBM Power Virtual Server", place: &drive{labels: configLabels, files: []string{openStackData}}},
	{
		ID: "proxmoxve", About: "Proxmox VE",
		place: &drive{
			labels: cidataLabels, files: []string{"/user-data", "/vendor-data"},
			pick: isNoCloudConfig, wait: cidataWait,
		},
	},
	{ID: "qemu", About: "QEMU", Signals: []Signal{{File: vendor, Is: "QEMU"}}, place: qemu()},
	{
		ID: "scaleway", About: "Scaleway", Signals: []Signal{{File: vendor, Is: "Scaleway"}},
		place: &service{
			hosts: []string{"http://169.254.42.42", "http://[fd00:42::42]"}, path: "/user_data/cloud-init", lowPort: true,
			hint: "the service answers ports below 1024 only: is this running as root?",
		},
	},
	{ID: "upcloud", About: "UpCloud", Signals: []Signal{{File: vendor, Is: "UpCloud"}}, place: &service{hosts: []string{linkLocal}, path: "/metadata/v1/user_data"}, metadata: &leaves{
		&service{hosts: []string{linkLocal}}, "/metadata/v1/", []fact{{"hostname", hostName}, {"instance_id", instanceID}, {"region", region}},
	}},
	{
		ID: "virtualbox", About: "Oracle VirtualBox", Signals: []Signal{{File: product, Is: "VirtualBox"}},
		place: &guestProperties{}, remove: (&guestProperties{}).remove,
	},
	{
		ID: "vmware", About: "VMware", Signals: []Signal{{File: vendor, Is: "VMware", Prefix: true}},
		place: &guestInfo{}, remove: (&guestInfo{}).remove,
	},
	{ID: "vultr", About: "Vultr", Signals: []Signal{{File: vendor, Is: "Vultr"}}, place: &service{hosts: []string{linkLocal}, path: "/user-data/user-data"}, metadata: &leaves{
		&service{hosts: []string{linkLocal}}, "/v1/", []fact{{"hostname", hostName}},
	}},
	{ID: "zvm", About: "IBM z/VM", place: &virtualReader{}},
}

// openStack is also what Brightbox has.
var openStack = race{
	&drive{labels: configLabels, files: []string{openStackData}},
	&service{hosts: []string{linkLocal}, path: openStackData, moreHosts: linkLocalIPv6, dynamic: dynamicIPv6},
}
