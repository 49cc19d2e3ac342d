#!/bin/bash
# dracut module of Kindling: the network for a first boot that needs it, by
# systemd-networkd. Distributions that have another way of their own leave it out.

# Only when another module, or the configuration of dracut, asks for it.
check() {
    require_binaries ip systemctl || return 1
    return 255
}

depends() {
    echo ignition systemd-networkd
}

install() {
    local unit
    inst_multiple ip systemctl
    # of the C library, for programs that look up names; later ones have it built in
    inst_libdir_file "libnss_dns.so.*" "libnss_files.so.*"
    inst_script "$moddir/ignition-network.sh" /usr/lib/ignition-network
    inst_simple "$moddir/ignition-network.service" "${systemdsystemunitdir:?}/ignition-network.service"
    $SYSTEMCTL -q --root "$initdir" add-requires ignition-complete.target ignition-network.service
    inst_simple "$moddir/zz-ignition.network" /usr/lib/systemd/network/zz-ignition.network
    # dracut enables networkd for each boot
    for unit in service socket; do
        inst_simple "$moddir/on-demand.conf" "$systemdsystemunitdir/systemd-networkd.$unit.d/10-ignition.conf"
    done
    inst_simple "$moddir/down.conf" "$systemdsystemunitdir/systemd-networkd.service.d/20-ignition.conf"
}
