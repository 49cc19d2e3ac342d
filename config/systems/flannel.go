package systems

import (
	"regexp"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
)

var ruleFlannel = &diag.Rule{
	ID: "flannel", Why: "flannel would not start, or containers would have no network",
}

// Flannel is the network of containers across machines.
type Flannel struct {
	// Version of the image.
	Version *string `json:"version"`
	// NetworkConfig is the JSON that is stored in etcd before flannel starts.
	NetworkConfig *string `json:"networkConfig"`
	EtcdUsername  *string `json:"etcdUsername"`
	EtcdPassword  *string `json:"etcdPassword" secret:"true"`
	EtcdEndpoints *string `json:"etcdEndpoints"`
	EtcdCAFile    *string `json:"etcdCafile"`
	EtcdCertFile  *string `json:"etcdCertfile"`
	EtcdKeyFile   *string `json:"etcdKeyfile"`
	EtcdPrefix    *string `json:"etcdPrefix"`
	IPMasq        *string `json:"ipMasq"`
	SubnetFile    *string `json:"subnetFile"`
	Iface         *string `json:"iface"`
	PublicIP      *string `json:"publicIp"`
	KubeSubnetMgr *bool   `json:"kubeSubnetMgr"`
}

// networkKey is where flannel looks for its network: its default prefix.
const networkKey = "/coreos.com/network"

func (r *renderer) flannel(f *Flannel) {
	place := at("flannel")
	if r.machine.Lib == "" {
		r.errorf(ruleFlannel, place, "remove the section, and run flannel as a container", "this machine has no unit for flannel")
		return
	}
	var flags, stores []string
	dynamic := false
	for _, o := range []struct {
		name  string
		value *string
		store string // the option of etcdctl
	}{
		{"etcd_username", f.EtcdUsername, ""},
		{"etcd_password", f.EtcdPassword, ""},
		{"etcd_endpoints", f.EtcdEndpoints, "endpoints"},
		{"etcd_cafile", f.EtcdCAFile, "ca_file"},
		{"etcd_certfile", f.EtcdCertFile, "cert_file"},
		{"etcd_keyfile", f.EtcdKeyFile, "key_file"},
		{"etcd_prefix", f.EtcdPrefix, ""},
		{"ip_masq", f.IPMasq, ""},
		{"subnet_file", f.SubnetFile, ""},
		{"iface", f.Iface, ""},
		{"public_ip", f.PublicIP, ""},
	} {
		if o.value == nil || !r.line(ruleFlannel, place.At(o.name), *o.value) {
			continue
		}
		dynamic = r.usesDynamic(place.At(o.name), *o.value) || dynamic
		flags = append(flags, r.flag(o.name, *o.value))
		if o.store != "" {
			stores = append(stores, r.flag(o.store, *o.value))
		}
	}
	byKubernetes := f.KubeSubnetMgr != nil && *f.KubeSubnetMgr
	if byKubernetes {
		flags = append(flags, r.flag("kube_subnet_mgr", "true"))
	}
	unit, service := r.afterMetadata(dynamic)
	text := unit + "[Service]\n" + service
	if f.Version != nil {
		if ok, _ := regexp.MatchString(`^0\.[567]\.[0-9]{1,3}$`, *f.Version); !ok {
			r.errorf(ruleFlannel, place.At("version"), "write a version from 0.5 to 0.7, such as 0.7.1", "%q is no version of flannel that can be set up", *f.Version)
		}
		text += "Environment=\"FLANNEL_IMAGE_TAG=v" + *f.Version + "\"\n"
	}
	text += "ExecStart=\nExecStart=" + command(r.machine.Lib+"/flannel-wrapper $FLANNEL_OPTS", flags) + "\n"
	if f.NetworkConfig != nil {
		text += r.storeNetwork(f, byKubernetes, stores)
	}
	r.dropin("flanneld.service", "flannel", text, place)
}

// storeNetwork writes the line that stores the network in etcd.
func (r *renderer) storeNetwork(f *Flannel, byKubernetes bool, stores []string) string {
	place := at("flannel", "network_config")
	switch {
	case byKubernetes:
		r.errorf(ruleFlannel, place, "remove one of the two", "the network is given, and Kubernetes is to give it")
	case !json.Valid([]byte(*f.NetworkConfig)):
		r.errorf(ruleFlannel, place, `write for example '{"Network": "10.1.0.0/16"}'`, "the network is not JSON")
		return ""
	}
	key := networkKey
	if f.EtcdPrefix != nil {
		key = *f.EtcdPrefix
	}
	value, err := json.Marshal(json.RawMessage(*f.NetworkConfig)) // in one line
	if err != nil {
		return ""
	}
	stores = append(stores, "set", r.quoted(key+"/config"), r.quoted(string(value)))
	return "ExecStartPre=" + command("/usr/bin/etcdctl", stores) + "\n"
}
