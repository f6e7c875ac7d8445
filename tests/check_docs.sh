#!/bin/sh
# Manual pages without errors; the generated parts of the documentation are those of this build; every verb of --help has
# its place in dietvpn(1).
cd "$(dirname "$0")/.." || exit 2
cli=${DIETVPN_BINARY_DIR:?}/bin/dietvpn
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
if command -v mandoc >/dev/null; then
	for page in docs/man/*.[1-8]; do
		mandoc -Tlint -Wwarning "$page" || fail=1
	done
else
	echo "mandoc is not installed: the pages were not checked"
fi
"$cli" __reference >"$tmp/reference.conf" && cmp "$tmp/reference.conf" conf/reference.conf || {
	echo "conf/reference.conf is not that of the key table: dietvpn __reference >conf/reference.conf"
	fail=1
}
"$cli" __mdoc >"$tmp/keys" || fail=1
sed -n '/^\.\\" keys begin/,/^\.\\" keys end/p' docs/man/dietvpn.conf.5 | sed '1d;$d' >"$tmp/page-keys"
cmp "$tmp/keys" "$tmp/page-keys" || {
	echo "dietvpn.conf(5): the list of keys is not that of the key table (dietvpn __mdoc)"
	fail=1
}
for verb in $("$cli" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u); do
	grep -qE "^\.It Cm .*$verb" docs/man/dietvpn.1 || { echo "dietvpn(1) does not name \"$verb\""; fail=1; }
done
[ -z "$fail" ] && echo "manual pages, reference.conf and --help agree"
