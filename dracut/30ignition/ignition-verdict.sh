#!/bin/sh
# Hook of dracut, sourced when a boot has failed: says on every console why the machine
# was not provisioned.
verdict=$(journalctl --boot --no-pager --output=cat --identifier=ignition --priority=crit 2>/dev/null)
if [ -n "$verdict" ]; then
    # shellcheck source=initramfs/firstboot.sh
    . /usr/lib/ignition-firstboot.sh
    ignition_show "$verdict" 'journalctl --identifier=ignition'
fi
