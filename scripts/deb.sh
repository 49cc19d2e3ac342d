#!/usr/bin/env bash
# Makes a Debian package: scripts/deb.sh VERSION DIRECTORY. The programs and the manual
# pages are in bin/ (make deb). The same sources make the same package.
set -euo pipefail
version=${1:?version of the programs} out=${2:?directory of the package}

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# v1.2.3-4-gabc → 1.2.3+4.gabc; what has no number sorts before all that have one
case $version in
  v[0-9]*) version=${version#v}; version=${version/-/+}; version=${version//-/.} ;;
  *) version=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M)+${version//-/.} ;;
esac
# the names of Debian: dpkg-architecture(1)
arch=$(go env GOARCH)
case $arch in
  ppc64le) arch=ppc64el ;;
  386) arch=i386 ;;
  arm) arch=armhf ;;
esac

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
doc=$tree/usr/share/doc/kindling

make -s install install-dracut install-initramfs-tools DESTDIR="$tree" PREFIX=/usr
# sshd of Debian reads ~/.ssh/authorized_keys only; the other two are for cloud-configs
make -s program PACKAGE=./cmd/ignition OUT="$tree/usr/bin/ignition" \
  SETTINGS='-X main.keysFragmentDefault=false -X main.packagesDefault=apt -X main.defaultUserDefault=debian'
ln -sf ../../../../bin/ignition "$tree/usr/lib/dracut/modules.d/30ignition/ignition"
# Debian's boot loader is known, so kernel arguments can be changed
for place in lib/dracut/modules.d/30ignition share/kindling/initramfs; do
  install -m 755 packaging/debian/ignition-kargs-helper.sh "$tree/usr/$place/"
done
install -d "$tree/usr/lib/dracut/dracut.conf.d"
{
  echo '# The modules of the package kindling are part of every image; they do nothing on a'
  echo '# boot that is not the first.'
  for module in dracut/*; do echo "add_dracutmodules+=\" ${module#dracut/??} \""; done
  echo '# called by ignition-kargs-helper'
  echo 'install_items+=" chroot sleep sync "'
} >"$tree/usr/lib/dracut/dracut.conf.d/50-kindling.conf"
# enabled as long as the package is there: their conditions decide
units=$tree/usr/lib/systemd/system
install -d "$units/sysinit.target.wants" "$units/multi-user.target.wants"
ln -s ../ignition-delete-config.service "$units/sysinit.target.wants/"
ln -s ../ignition-report.service "$units/multi-user.target.wants/"
install -D -m 644 packaging/debian/lintian-overrides "$tree/usr/share/lintian/overrides/kindling"
install -d "$doc"
install -m 644 packaging/debian/copyright docs/*.md docs/*.json "$doc/"
gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
cat >"$doc/changelog.Debian" <<END
kindling ($version) unstable; urgency=medium

  * See changelog.gz.

 -- The Kindling authors <kindling@users.noreply.github.com>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
gzip -9n "$doc/changelog.Debian"
find "$tree/usr/share/man" -type f -exec gzip -9n {} +
find "$tree" -type f -perm /022 -exec chmod go-w {} +
find "$tree" -type d -exec chmod 755 {} +

install -d "$tree/DEBIAN"
install -m 644 packaging/debian/triggers "$tree/DEBIAN/"
(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
size=$(du -k --apparent-size --exclude=DEBIAN -s "$tree" | cut -f1)
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" packaging/debian/control.in >"$tree/DEBIAN/control"

mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/kindling_${version}_$arch.deb"
