package systems

import (
	"slices"
	"strconv"
	"strings"
)

// etcdOption are options of etcd that came or went with a release.
type etcdOption struct {
	release string
	added   string // names, with blanks between them
	dropped string
}

// etcdOptions are the options by the release that adds or drops them, from the release
// that was the first to be set up by a config: Container Linux Config Transpiler 0.9.4,
// and the flags that etcd --help prints.
var etcdOptions = []etcdOption{
	{"2.3", `advertise_client_urls ca_file cert_file client_cert_auth cors data_dir debug discovery discovery_fallback
		discovery_proxy discovery_srv election_timeout enable_pprof force_new_cluster heartbeat_interval
		initial_advertise_peer_urls initial_cluster initial_cluster_state initial_cluster_token key_file
		listen_client_urls listen_peer_urls log_package_levels max_snapshots max_wals name peer_ca_file peer_cert_file
		peer_client_cert_auth peer_key_file peer_trusted_ca_file proxy proxy_dial_timeout proxy_failure_wait
		proxy_read_timeout proxy_refresh_interval proxy_write_timeout snapshot_count strict_reconfig_check
		trusted_ca_file wal_dir`, ""},
	{"3.0", "auto_compaction_retention auto_tls peer_auto_tls", ""},
	{"3.1", "log_output metrics", ""},
	{"3.2", "auth_token enable_v2", ""},
	{"3.3", `auto_compaction_mode client_crl_file experimental_corrupt_check_time experimental_enable_v2v3
		experimental_initial_corrupt_check grpc_keepalive_interval grpc_keepalive_min_time grpc_keepalive_timeout
		listen_metrics_urls max_request_bytes max_txn_ops peer_cert_allowed_cn peer_crl_file quota_backend_bytes`, ""},
	{
		"3.4", `auth_token_ttl backend_batch_interval backend_batch_limit bcrypt_cost cipher_suites
		client_cert_allowed_hostname discovery_srv_name experimental_backend_bbolt_freelist_type
		experimental_compaction_batch_limit experimental_enable_lease_checkpoint
		experimental_warning_apply_duration experimental_watch_progress_notify_interval host_whitelist
		initial_election_tick_advance log_level log_outputs logger peer_cert_allowed_hostname pre_vote`,
		"ca_file log_output peer_ca_file",
	},
	{
		"3.5", `backend_bbolt_freelist_type enable_log_rotation experimental_distributed_tracing_address
		experimental_distributed_tracing_instance_id experimental_distributed_tracing_service_name
		experimental_enable_distributed_tracing experimental_txn_mode_write_with_shared_buffer
		log_rotation_config_json self_signed_cert_validity socket_reuse_address socket_reuse_port unsafe_no_fsync
		v2_deprecation`,
		"debug experimental_backend_bbolt_freelist_type log_package_levels",
	},
}

// newestEtcd is the release whose options are known best; documents that name none have
// its options.
const newestEtcd = "3.5"

// etcdOptionsOf returns the options of a release, sorted.
func etcdOptionsOf(release string) []string {
	var out []string
	for _, o := range etcdOptions {
		if older(release, o.release) {
			break
		}
		out = append(out, strings.Fields(o.added)...)
		gone := strings.Fields(o.dropped)
		out = slices.DeleteFunc(out, func(name string) bool { return slices.Contains(gone, name) })
	}
	slices.Sort(out)
	return out
}

// otherRelease tells when an option came or went that a release does not have; empty if
// no release has it.
func otherRelease(option string) string {
	said := ""
	for _, o := range etcdOptions {
		if slices.Contains(strings.Fields(o.added), option) {
			said = "it exists from etcd " + o.release + " on"
		}
		if slices.Contains(strings.Fields(o.dropped), option) {
			said = "it is gone in etcd " + o.release
		}
	}
	return said
}

// older compares the first two numbers of releases.
func older(a, b string) bool {
	x, y := numbers(a), numbers(b)
	return x[0] < y[0] || x[0] == y[0] && x[1] < y[1]
}

func numbers(release string) (n [2]int) {
	for i, part := range strings.SplitN(release, ".", 3) {
		if i < len(n) {
			n[i], _ = strconv.Atoi(part) // 0 for what is none: checkRelease reports it
		}
	}
	return n
}
