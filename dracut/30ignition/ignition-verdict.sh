#!/bin/sh
# Hook of dracut, sourced when a boot has failed: says on every console why the machine
# was not provisioned, and counts the attempt. The log is shown when it was no stage of the
# engine that failed, but a unit of the distribution around them.
if [ -e /run/ignition/failure.json ]; then
    /usr/bin/ignition verdict --consoles=auto --keep --root="${NEWROOT:-/sysroot}" >/dev/kmsg 2>&1 || :
else
    verdict=$(journalctl --boot --no-pager --output=cat --identifier=ignition --priority=crit 2>/dev/null)
    if [ -n "$verdict" ]; then
        # shellcheck source=initramfs/firstboot.sh
        . /usr/lib/ignition-firstboot.sh
        ignition_show "$verdict" 'journalctl --identifier=ignition'
    fi
fi
