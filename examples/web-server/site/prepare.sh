#!/bin/sh
# Runs once, on the first boot.
set -eu
date -u +%FT%TZ >/var/lib/web/built.txt
