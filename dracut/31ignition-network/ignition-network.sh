#!/bin/sh
# Brings the network up for a first boot, and takes it down for the system that follows,
# which has a network of its own.
set -u

# Made by up, asked for by down.
ours=/run/ignition/network
limit=60 # seconds for the link and an address: slow switches take half a minute

up() {
    if systemctl --quiet is-active systemd-networkd.service; then
        return # kernel arguments asked for it: not ours to take down
    fi
    : >"$ours"
    systemctl start systemd-networkd.service
    # Without the network, what needs it says why it did not go.
    "$(wait_online)" --quiet --any --timeout="$limit" ||
        echo "no network after $limit s: no link, or nobody answers to DHCP" >&2
    resolver
}

# wait_online prints where the program is.
wait_online() {
    for dir in /usr/lib/systemd /lib/systemd; do
        [ -x "$dir/systemd-networkd-wait-online" ] && echo "$dir/systemd-networkd-wait-online" && return
    done
}

# resolver tells the C library and the engine which name servers there are. Where
# systemd-resolved is in the initramfs, it does.
resolver() {
    [ -s /etc/resolv.conf ] && return
    while IFS== read -r key values; do
        case $key in
            DNS) for server in $values; do echo "nameserver $server"; done ;;
            DOMAINS) [ -z "$values" ] || echo "search $values" ;;
        esac
    done </run/systemd/netif/state >/etc/resolv.conf
}

down() {
    [ -e "$ours" ] || return
    rm -f "$ours"
    for device in /sys/class/net/*/device; do
        name=${device%/device}
        name=${name##*/}
        ip address flush dev "$name"
        ip link set dev "$name" down
    done
}

"$1"
