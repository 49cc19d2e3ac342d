#!/usr/bin/env bash
# A Butane document becomes an Ignition config, the config a provisioned directory.
# Everything it writes is below bin/demo, which stays until the next run.
set -euo pipefail
cd "$(dirname "$0")/.."

name=web-server
demo=bin/demo
root=$demo/root
config=$demo/$name.ign

# Users and files get owners of their own, so this takes root; a user namespace with
# a range of ids is as good.
if [ "$(id -u)" -ne 0 ]; then
  if unshare --map-root-user --map-auto true 2>/dev/null; then
    exec unshare --map-root-user --map-auto "$0" "$@"
  fi
  as_root=
else
  as_root=yes
fi

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
run() { printf '$ %s\n' "$*"; "$@"; }

rm -rf "$demo"
mkdir -p "$root"

step "1. The document: what a person writes (examples/$name.bu, the first lines)"
sed -n '4,23p' "examples/$name.bu"
echo "  …"

step "2. The config: what the machine reads"
run bin/butane --pretty --strict -d "examples/$name" "examples/$name.bu" -o "$config"
run bin/ignition-validate "$config" && echo "(accepted)"
head -n 12 "$config"
echo "  … ($(wc -l <"$config") lines)"

# A root file system as small as the tools for users allow.
mkdir -p "$root"/{etc/default,etc/systemd/system,usr/bin,var/lib,home,tmp}
chmod 1777 "$root/tmp"
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/bash
END
cat >"$root/etc/group" <<'END'
root:x:0:
adm:x:4:
END
printf 'root:*:19000:0:99999:7:::\n' >"$root/etc/shadow"
printf 'root:*::\nadm:*::\n' >"$root/etc/gshadow"
chmod 0640 "$root/etc/shadow" "$root/etc/gshadow"
cat >"$root/etc/login.defs" <<'END'
UID_MIN 1000
UID_MAX 60000
GID_MIN 1000
GID_MAX 60000
CREATE_HOME yes
USERGROUPS_ENAB yes
END
(cd "$root" && find . -mindepth 1 | sort) >"$demo/before"

step "3. The plan: what would change, and which line asks for it"
run bin/ignition plan --root "$root" "$config"

if [ -z "$as_root" ]; then
  cat <<END

Making users and giving them files takes root, and this account has no range of ids
to do it in a namespace. The rest of the demo: sudo scripts/demo.sh
END
  exit 0
fi

step "4. The machine: the plan carried out below $root"
run bin/ignition apply --root "$root" "$config"

step "5. What is there now that was not (without the backups that useradd makes)"
# Names come from the users of the new root, not from those of this machine.
(cd "$root" && find . -mindepth 1 -printf '%p\t%M\t%U\t%G\t%l\n' | sort) |
  awk -F '\t' -v passwd="$root/etc/passwd" -v group="$root/etc/group" -v before="$demo/before" '
    BEGIN {
      while ((getline line < passwd) > 0) { split(line, f, ":"); user[f[3]] = f[1] }
      while ((getline line < group) > 0) { split(line, f, ":"); grp[f[3]] = f[1] }
      while ((getline line < before) > 0) old[line] = 1
    }
    !($1 in old) && $1 !~ /^.\/etc\/(.*-|\.pwd\.lock)$/ {
      printf "%s %-7s %-7s %s%s\n", $2, ($3 in user ? user[$3] : $3), ($4 in grp ? grp[$4] : $4),
        substr($1, 2), ($5 != "" ? " -> " $5 : "")
    }'
echo
run grep deploy "$root/etc/passwd" "$root/etc/group"

step "6. Once more: a machine that is as it should be stays as it is"
run bin/ignition apply --root "$root" "$config"

cat <<END

${bold}To try next${plain}
  make demo                                     after changing a line of examples/$name.bu
  bin/butane --check examples/swap-and-data.bu  after breaking one: format: ext5
  rm $root/etc/motd                     and run step 6 again: only that comes back
  bin/butane --help; bin/ignition --help        all flags
  ls examples docs                              more documents, and guides
The directory stays in $root until the next run.
END
