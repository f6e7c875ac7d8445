#!/bin/sh
# The unit by systemd's own tools: no complaint of verify, exposure as low as promised; user and folders parse.
cd "$(dirname "$0")/../packaging/debian" || exit 2
command -v systemd-analyze >/dev/null || { echo "skipped: systemd-analyze is not installed"; exit 77; }
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
# The programs are not installed while testing: the paths of this build stand in.
mkdir -p "$tmp/bin"
cp "${DIETVPN_BINARY_DIR:?}/bin/dietvpn" "$DIETVPN_BINARY_DIR/bin/dietvpnd" "$tmp/bin/"
sed -e "s|/usr/bin/dietvpn|$tmp/bin/dietvpn|; s|/usr/sbin/dietvpnd|$tmp/bin/dietvpnd|" -e '/^Documentation=/d' \
	dietvpn.service >"$tmp/dietvpn.service"
systemd-analyze verify --man=no "$tmp/dietvpn.service" >"$tmp/verify" 2>&1
if grep -F "dietvpn.service" "$tmp/verify"; then
	echo "systemd-analyze verify complains"
	fail=1
fi
exposure=$(systemd-analyze security --offline=true "$tmp/dietvpn.service" 2>/dev/null | awk '/Overall exposure/ {print $(NF - 2)}')
echo "exposure level $exposure of 10"
awk -v e="${exposure:-10}" 'BEGIN {exit !(e <= 2.0)}' || { echo "more exposed than 2.0"; fail=1; }
if command -v systemd-sysusers >/dev/null; then
	mkdir -p "$tmp/root/etc"
	systemd-sysusers --root="$tmp/root" "$PWD/dietvpn.sysusers" >"$tmp/users" 2>&1 || { cat "$tmp/users"; fail=1; }
	grep -q '^_dietvpn:' "$tmp/root/etc/passwd" || { echo "no user _dietvpn came out"; fail=1; }
fi
[ -z "$fail" ] && echo "unit and users are fine"
