package providers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// leasePeriod is how often leases are looked for.
const leasePeriod = 500 * time.Millisecond

// dhcpServers returns the address of the DHCP server, which is the router of a
// CloudStack network and has the metadata. It waits for a lease; interfaces that come
// later count as well.
func dhcpServers(ctx context.Context, env *Env) ([]string, error) {
	var host string
	err := env.poll(ctx, "a DHCP lease in "+env.Paths.Leases, leasePeriod, func() (bool, error) {
		for _, name := range glob(env.Paths.Leases, "*") {
			if data, err := os.ReadFile(name); err == nil {
				if host = leaseServer(data); host != "" {
					return true, nil
				}
			}
		}
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("find the DHCP server: %w", err)
	}
	return []string{"http://" + host}, nil
}

// leaseServer returns the server of a lease: systemd's src/libsystemd-network writes
// NAME=VALUE lines.
func leaseServer(lease []byte) string {
	for s := bufio.NewScanner(bytes.NewReader(lease)); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "SERVER_ADDRESS="); ok {
			if a, err := netip.ParseAddr(strings.TrimSpace(v)); err == nil && a.Is4() {
				return a.String()
			}
		}
	}
	return ""
}

// linkLocalIPv6 returns the addresses of services that answer at fe80::a9fe:a9fe: one
// for each interface that is up.
func linkLocalIPv6(context.Context, *Env) ([]string, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var hosts []string
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || !hasIPv6(i) {
			continue
		}
		// RFC 6874: the sign before a zone is escaped in a URL
		hosts = append(hosts, "http://[fe80::a9fe:a9fe%25"+i.Name+"]")
	}
	return hosts, nil
}

func hasIPv6(i net.Interface) bool {
	addrs, err := i.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil {
			return true
		}
	}
	return false
}
