#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# conf/schema/rules.cddl is what the loader enforces: the presets are instances of it, and what it refuses the loader
# refuses. The checker is our own (tests/tools/cddl.py): Debian 12 has none. It shares nothing with the loader.
set -u
B=${DIETVPN_BINARY_DIR:?"DIETVPN_BINARY_DIR is not set: ctest sets it"}
S=$(cd "$(dirname "$0")/.." && pwd)
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }
check() { python3 "$S/tests/tools/cddl.py" "$@"; }

W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
sed 's/"rule": \[/"dietvpn-schc:version": 7, &/' "$S/conf/rules/icmpv6.json" >"$W/versioned.json"
"$B/bin/dietvpn" rules compile "$W/versioned.json" || exit 1
check "$S/conf/schema/rules.cddl" rules-file "$S"/conf/rules/*.cbor "$W/versioned.cbor" || exit 1
check --enforced "$S/conf/schema/rules.cddl" rules-file 25 "$B/bin/dietvpn rules check" "$S"/conf/rules/*.cbor "$W/versioned.cbor"
