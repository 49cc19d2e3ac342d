package providers

import (
	"net/http"
	"time"
)

// cidataWait is how long a cidata volume is waited for where it may be missing.
const cidataWait = 30 * time.Second

// The signals that several rows share.
func vendor(name string) Signal  { return Signal{File: "sys_vendor", Is: name} }
func product(name string) Signal { return Signal{File: "product_name", Is: name} }
func asset(tag string) Signal    { return Signal{File: "chassis_asset_tag", Is: tag} }

// dynamicIPv6 is how the manual writes the addresses of linkLocalIPv6.
const dynamicIPv6 = "[fe80::a9fe:a9fe%INTERFACE]"

// openStackData is the file of the user data in the config drive and in the service.
const openStackData = "/openstack/latest/user_data"

// amazon is the service of EC2, aliyun that of Alibaba: they give tokens.
func amazon() service {
	return service{
		hosts: []string{linkLocal, "http://[fd00:ec2::254]"}, path: "/2019-10-01/user-data",
		token: &token{
			path: "/latest/api/token", carry: "X-aws-ec2-metadata-token",
			header: header("X-aws-ec2-metadata-token-ttl-seconds", "21600"), optional: []int{http.StatusNotFound},
		},
		hint: "is the instance metadata service switched on for this instance?",
	}
}

func aliyun() service {
	return service{
		hosts: []string{"http://100.100.100.200"}, path: "/latest/user-data",
		token: &token{
			path: "/latest/api/token", carry: "X-aliyun-ecs-metadata-token",
			header: header("X-aliyun-ecs-metadata-token-ttl-seconds", "21600"),
			optional: []int{
				http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
			},
		},
	}
}

// Table returns all platforms, sorted by id. The addresses, headers and labels are those
// that the platforms document; docs/platforms.md is compared with this table.
func Table() []Platform {
	return []Platform{
		{
			ID: "akamai", About: "Akamai Connected Cloud (Linode)", Signals: []Signal{vendor("Akamai"), vendor("Linode")},
			place: service{
				hosts: []string{linkLocal, "http://[fd00:a9fe:a9fe::1]"}, path: "/v1/user-data", header: header("Accept", "*/*"),
				token: &token{
					path: "/v1/token", carry: "Metadata-Token",
					header: header("Accept", "text/plain", "Metadata-Token-Expiry-Seconds", "300"),
				},
				declared: declaredBase64,
			},
		},
		{
			ID: "aliyun", About: "Alibaba Cloud ECS", Signals: []Signal{product("Alibaba Cloud ECS")},
			place: aliyun(),
			metadata: leaves{aliyun(), "/latest/meta-data/", []fact{
				{"private-ipv4", privateIPv4()},
				{"eipv4", publicIPv4()},
				{"hostname", hostName()},
				{"instance-id", instanceID()},
				{"region-id", region()},
				{"zone-id", zone()},
			}},
		},
		{ID: "applehv", About: "Apple Hypervisor (podman machine, vfkit)", place: appleHost{}},
		{
			ID: "aws", About: "Amazon EC2",
			Signals: []Signal{vendor("Amazon EC2"), {File: "product_uuid", Is: "ec2", Prefix: true}},
			place:   amazon(),
			metadata: leaves{amazon(), "/2021-01-03/meta-data/", append(
				amazonLeaves(), fact{"placement/availability-zone", zone()}, fact{"placement/region", region()}, fact{"ipv6", []string{"public_ipv6"}},
			)},
		},
		{
			ID: "azure", About: "Microsoft Azure", Signals: []Signal{asset("7783-7084-3265-9085-8269-3286-77")},
			place: sequence{
				service{
					hosts: []string{linkLocal}, path: "/metadata/instance/compute/userData?api-version=2021-01-01&format=text",
					header: header("Metadata", "true"), declared: declaredBase64,
					// the service says so while it starts: Azure's "IMDS errors and debugging"
					retry: []int{http.StatusNotFound, http.StatusGone},
				},
				ovfDisc{formats: []string{"udf"}},
			},
			metadata: leaves{
				service{hosts: []string{linkLocal}, header: header("Metadata", "true")},
				"/metadata/instance/",
				[]fact{{"compute/name?api-version=2021-02-01&format=text", hostName()}},
			},
		},
		{ID: "azurestack", About: "Microsoft Azure Stack Hub", place: ovfDisc{formats: []string{"udf", "iso9660"}}},
		{
			ID: "brightbox", About: "Brightbox", Signals: []Signal{{File: "product_serial", Is: ".brightbox.com", Suffix: true}},
			place: openStack(), metadata: leaves{at(""), "/latest/meta-data/", amazonLeaves()},
		},
		{
			ID: "cloudstack", About: "Apache CloudStack", Signals: []Signal{{File: "product_name", Is: "CloudStack", Prefix: true}},
			place: race{
				configDrive("/cloudstack/userdata/user_data.txt"),
				service{path: "/latest/user-data", moreHosts: dhcpServers, dynamic: "DHCP-SERVER"},
			},
			metadata: leaves{service{moreHosts: dhcpServers}, "/latest/meta-data/", amazonLeaves()},
		},
		{
			ID: "digitalocean", About: "DigitalOcean", Signals: []Signal{vendor("DigitalOcean")},
			place: at("/metadata/v1/user-data"),
			metadata: leaves{at(""), "/metadata/v1/", []fact{
				{"interfaces/private/0/ipv4/address", privateIPv4()},
				{"interfaces/public/0/ipv4/address", publicIPv4()},
				{"interfaces/private/0/ipv6/address", []string{"private_ipv6"}},
				{"interfaces/public/0/ipv6/address", []string{"public_ipv6"}},
				{"hostname", hostName()},
				{"id", instanceID()},
				{"region", region()},
			}},
		},
		{
			ID: "exoscale", About: "Exoscale", Signals: []Signal{{File: "product_name", Is: "Exoscale", Prefix: true}},
			place: at("/1.0/user-data"), metadata: leaves{at(""), "/1.0/meta-data/", []fact{
				{"local-ipv4", privateIPv4()},
				{"public-ipv4", publicIPv4()},
				{"local-hostname", hostName()},
				{"instance-id", instanceID()},
				{"availability-zone", zone()},
			}},
		},
		{ID: "file", About: "a file, for tests", place: envFile{}},
		{
			ID: "gcp", About: "Google Compute Engine",
			Signals: []Signal{product("Google Compute Engine"), {File: "product_serial", Is: "GoogleCloud-", Prefix: true}},
			place:   at("/computeMetadata/v1/instance/attributes/user-data", "Metadata-Flavor", "Google"),
			metadata: leaves{at("", "Metadata-Flavor", "Google"), "/computeMetadata/v1/instance/", []fact{
				{"network-interfaces/0/ip", privateIPv4()},
				{"network-interfaces/0/access-configs/0/external-ip", publicIPv4()},
				{"hostname", hostName()},
				{"id", instanceID()},
			}},
		},
		{
			ID: "hetzner", About: "Hetzner Cloud", Signals: []Signal{vendor("Hetzner")},
			place: service{
				hosts: []string{linkLocal}, path: "/hetzner/v1/userdata", moreHosts: linkLocalIPv6, dynamic: dynamicIPv6,
			},
			metadata: leaves{at(""), "/hetzner/v1/metadata/", []fact{
				{"public-ipv4", publicIPv4()},
				{"hostname", hostName()},
				{"instance-id", instanceID()},
				{"region", region()},
				{"availability-zone", zone()},
			}},
		},
		{ID: "hyperv", About: "Microsoft Hyper-V", Signals: []Signal{{File: "product_name", Is: "Virtual Machine"}}, place: hypervKVP{}},
		{ID: "ibmcloud", About: "IBM Cloud VPC", place: noCloudDrive(cidataWait, "/user-data"), metadata: volumeMetadata()},
		{
			ID: "kubevirt", About: "KubeVirt", Signals: []Signal{vendor("KubeVirt"), {File: "product_family", Is: "KubeVirt"}},
			place: race{noCloudDrive(forever, "/user-data"), configDrive(openStackData)}, metadata: volumeMetadata(),
		},
		{ID: "metal", About: "bare metal, or a platform without configs", place: nowhere{}},
		{
			ID: "nocloud", About: "a volume labelled cidata, or a seed named by firmware or kernel arguments",
			Signals: []Signal{{File: "product_serial", Is: "ds=nocloud", Prefix: true}}, place: noCloud{}, metadata: volumeMetadata(),
		},
		{ID: "nutanix", About: "Nutanix AHV", Signals: []Signal{vendor("Nutanix")}, place: configDrive(openStackData)},
		{ID: "nvidiabluefield", About: "NVIDIA BlueField", place: bootFIFO{}},
		{
			ID: "openstack", About: "OpenStack and clouds made of it",
			Signals: []Signal{
				product("OpenStack Nova"), product("OpenStack Compute"), asset("OpenTelekomCloud"), asset("SAP CCloud VM"),
				asset("HUAWEICLOUD"), asset("Samsung Cloud Platform"),
			},
			place: openStack(), metadata: leaves{at(""), "/latest/meta-data/", amazonLeaves()},
		},
		{
			ID: "oraclecloud", About: "Oracle Cloud Infrastructure", Signals: []Signal{asset("OracleCloud.com")},
			place: service{
				hosts: []string{linkLocal, "http://[fd00:c1::a9fe:a9fe]"}, path: "/opc/v2/instance/metadata/user_data",
				header: header("Authorization", "Bearer Oracle"), declared: declaredBase64,
			},
			metadata: leaves{
				at("", "Authorization", "Bearer Oracle"), "/opc/v2/instance/",
				[]fact{{"hostname", hostName()}, {"id", instanceID()}, {"canonicalRegionName", region()}},
			},
		},
		{
			ID: "packet", About: "Equinix Metal (Packet)", report: reportToPacket,
			place: service{hosts: []string{packetHost}, path: "/userdata", header: header("Accept", "*/*")},
		},
		{ID: "powervs", About: "IBM Power Virtual Server", place: configDrive(openStackData)},
		{
			ID: "proxmoxve", About: "Proxmox VE",
			place: drive{
				labels: []string{"cidata", "CIDATA"}, files: []string{"/user-data", "/vendor-data"},
				pick: isNoCloudConfig, wait: cidataWait,
			},
		},
		{ID: "qemu", About: "QEMU", Signals: []Signal{vendor("QEMU")}, place: qemu()},
		{
			ID: "scaleway", About: "Scaleway", Signals: []Signal{vendor("Scaleway")},
			place: service{
				hosts: []string{"http://169.254.42.42", "http://[fd00:42::42]"}, path: "/user_data/cloud-init", lowPort: true,
				hint: "the service answers ports below 1024 only: is this running as root?",
			},
		},
		{ID: "upcloud", About: "UpCloud", Signals: []Signal{vendor("UpCloud")}, place: at("/metadata/v1/user_data"), metadata: leaves{
			at(""), "/metadata/v1/", []fact{{"hostname", hostName()}, {"instance_id", instanceID()}, {"region", region()}},
		}},
		{
			ID: "virtualbox", About: "Oracle VirtualBox", Signals: []Signal{product("VirtualBox")},
			place: guestProperties{}, remove: guestProperties{}.remove,
		},
		{
			ID: "vmware", About: "VMware", Signals: []Signal{{File: "sys_vendor", Is: "VMware", Prefix: true}},
			place: guestInfo{}, remove: guestInfo{}.remove,
		},
		{ID: "vultr", About: "Vultr", Signals: []Signal{vendor("Vultr")}, place: at("/user-data/user-data"), metadata: leaves{
			at(""), "/v1/", []fact{{"hostname", hostName()}},
		}},
		{ID: "zvm", About: "IBM z/VM", place: virtualReader{}},
	}
}

// openStack is also what Brightbox has.
func openStack() place {
	return race{
		configDrive(openStackData),
		service{hosts: []string{linkLocal}, path: openStackData, moreHosts: linkLocalIPv6, dynamic: dynamicIPv6},
	}
}
