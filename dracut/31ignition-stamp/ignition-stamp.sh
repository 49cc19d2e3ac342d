#!/bin/sh
# Looks for the stamp of a first boot and starts what follows, or takes the stamp away.
set -eu

# shellcheck source=initramfs/firstboot.sh
. /usr/lib/ignition-firstboot.sh

case $1 in
    look)
        device=$(systemctl show --property=What --value sysroot.mount)
        options=$(systemctl show --property=Options --value sysroot.mount)
        when=subsequent
        if [ -n "$device" ] && ignition_armed "$device" "$options"; then
            ignition_environment
            when=complete
        fi
        # queued before this unit is done, so that the root file system waits for it
        systemctl start --no-block "ignition-$when.target"
        ;;
    disarm) ignition_disarm /sysroot ;;
esac
