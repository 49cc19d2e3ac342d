package cloudconfig

import "strings"

// environmentOf is a section of coreos whose fields are variables of a service.
type environmentOf struct {
	key, unit, prefix string
	// fields in the order of the documentation of coreos-cloudinit 1.14.
	fields string
	// others are fields whose variable has another name.
	others map[string]string
	// patterns of values.
	patterns map[string]string
}

func (s environmentOf) variable(field string) string {
	if name := s.others[field]; name != "" {
		return name
	}
	if field == "interface" && s.prefix == "FLANNELD_" {
		return "FLANNELD_IFACE"
	}
	return s.prefix + strings.ToUpper(field)
}

func environmentRows(s environmentOf) []row {
	var out []row
	for _, f := range strings.Fields(s.fields) {
		out = append(out, row{name: f, how: "`" + s.variable(f) + "`"})
	}
	return out
}

const flannelFields = "etcd_endpoints etcd_cafile etcd_certfile etcd_keyfile etcd_prefix etcd_username etcd_password ip_masq subnet_file interface public_ip"

// environments are the sections that become drop-ins.
func environments() []environmentOf {
	return []environmentOf{
		{
			key: "etcd", unit: "etcd.service", prefix: "ETCD_",
			fields: `addr bind_addr ca_file cert_file cluster_active_size cluster_remove_delay cluster_sync_interval cors
			data_dir discovery graphite_host http_read_timeout http_write_timeout key_file
			max_result_buffer max_retry_attempts name peer_addr peer_bind_addr peer_ca_file peer_cert_file
			peer_election_timeout peer_heartbeat_interval peer_key_file peers peers_file retry_interval snapshot
			snapshot_count trace verbose very_verbose very_very_verbose
			advertise_client_urls initial_advertise_peer_urls initial_cluster initial_cluster_state
			initial_cluster_token listen_client_urls listen_peer_urls wal_dir`, // these were taken from etcd2
			others: map[string]string{"snapshot_count": "ETCD_SNAPSHOTCOUNT"}, // as etcd 0.4 has it
		},
		{
			key: "etcd2", unit: "etcd2.service", prefix: "ETCD_",
			fields: `advertise_client_urls ca_file cert_file client_cert_auth cors data_dir debug discovery
			discovery_fallback discovery_srv discovery_proxy election_timeout enable_pprof force_new_cluster
			heartbeat_interval initial_advertise_peer_urls initial_cluster initial_cluster_state
			initial_cluster_token key_file listen_client_urls listen_peer_urls log_package_levels max_snapshots
			max_wals name peer_ca_file peer_cert_file peer_key_file peer_client_cert_auth peer_trusted_ca_file
			proxy proxy_dial_timeout proxy_failure_wait proxy_read_timeout proxy_refresh_interval
			proxy_write_timeout snapshot_count strict_reconfig_check trusted_ca_file wal_dir`,
		},
		{
			key: "fleet", unit: "fleet.service", prefix: "FLEET_",
			fields: `agent_ttl authorized_keys_file disable_engine engine_reconcile_interval etcd_cafile etcd_certfile
			etcd_keyfile etcd_key_prefix etcd_request_timeout etcd_servers etcd_username etcd_password metadata
			public_ip token_limit verbosity verify_units`,
		},
		{
			key: "locksmith", unit: "locksmithd.service", prefix: "LOCKSMITHD_",
			fields: `endpoint etcd_cafile etcd_certfile etcd_keyfile etcd_username etcd_password group window_start window_length`,
			others: map[string]string{"window_start": "REBOOT_WINDOW_START", "window_length": "REBOOT_WINDOW_LENGTH"},
			patterns: map[string]string{
				"window_start":  `^(?i:(sun|mon|tue|wed|thu|fri|sat) )?[0-9]{1,2}:[0-9]{2}$`,
				"window_length": `^[-+]?([0-9]*(\.[0-9]*)?[a-z]+)+$`,
			},
		},
	}
}
