#!/bin/sh
# Changes the kernel arguments of the next boot: the part of a distribution, which
# knows its boot loader. It replaces this program by its own, called with
#   --should-exist ARG … --should-not-exist ARG …
# It succeeds if the arguments are as wanted, or makes them so and reboots.
echo "ignition-kargs-helper: this distribution cannot change kernel arguments from a config" >&2
exit 1
