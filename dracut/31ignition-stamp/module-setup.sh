#!/bin/bash
# dracut module of Kindling: the first boot of an image is the one that finds a stamp in
# the root file system. For systems whose boot loader has no part in it.

# Only when another module, or the configuration of dracut, asks for it.
check() {
    return 255
}

depends() {
    echo ignition
}

# shellcheck disable=SC2154 # variables of dracut
install() {
    local unit
    inst_multiple cat mkdir mount mv sync systemctl umount
    inst_script "$moddir/ignition-stamp.sh" /usr/lib/ignition-stamp
    for unit in ignition-stamp.service ignition-disarm.service; do
        inst_simple "$moddir/$unit" "/usr/lib/systemd/system/$unit"
    done
    $SYSTEMCTL -q --root "$initdir" add-requires ignition-diskful.target ignition-disarm.service
}
