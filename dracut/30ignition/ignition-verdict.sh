#!/bin/sh
# Hook of dracut, sourced when a boot has failed: says on every console why the machine
# was not provisioned. Whoever looks at a console has no shell, or does not know it.
verdict=$(journalctl --boot --no-pager --output=cat --identifier=ignition --priority=crit 2>/dev/null)
if [ -n "$verdict" ]; then
    while read -r console _; do
        {
            printf '\n==== This machine was not provisioned ====\n\n%s\n\n' "$verdict"
            printf 'It does not go on as it is. Once the cause is gone, the next boot tries again.\n'
            printf 'The whole log: journalctl --identifier=ignition\n\n'
        } >"/dev/$console"
    done </proc/consoles
fi
