#!/bin/sh
# Hook of dracut, sourced when a boot has failed: says on every console why the machine
# was not provisioned, and counts the attempt. The log is shown when it was no stage of the
# engine that failed, but a unit of the distribution around them.
if [ -e /run/ignition/failure.json ]; then
    /usr/bin/ignition verdict --consoles=auto --keep --root="${NEWROOT:-/sysroot}" >/dev/kmsg 2>&1 || :
else
    verdict=$(journalctl --boot --no-pager --output=cat --identifier=ignition --priority=crit 2>/dev/null)
    if [ -z "$verdict" ]; then
        # The engine was killed, or called with what it does not know: what systemd says
        # of its units, after what they said first.
        verdict=$(journalctl --boot --no-pager --output=cat --unit='ignition-*.service' 2>/dev/null |
            sed -n '/^[[:space:]]/d; /^$/d; /^\(Usage\|Options\|Runs\|Starting\|Finished\|Ignition\|Stage\)/d; p; /^ignition-.*exited/q' |
            tail -n 12)
        case $verdict in
            *'Main process exited'*) ;;
            *) verdict= ;; # something else than provisioning failed
        esac
    fi
    if [ -n "$verdict" ]; then
        # shellcheck source=initramfs/firstboot.sh
        . /usr/lib/ignition-firstboot.sh
        ignition_show "$verdict" 'journalctl --identifier=ignition'
    fi
fi
