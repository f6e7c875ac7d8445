#!/bin/sh
# clang-tidy over src, cli and plugins, two files at a time in the background of other work; what is left out is in .clang-tidy.
#   check_tidy.sh [FILE.c..]   only these; about a minute and a half of processor time for all
cd "$(dirname "$0")/.." || exit 2
command -v clang-tidy >/dev/null || { echo "skipped: clang-tidy is not installed"; exit 77; }
build=${DIETVPN_BINARY_DIR:?}
[ -f "$build/compile_commands.json" ] || { echo "skipped: no compile_commands.json in $build"; exit 77; }
[ $# -gt 0 ] || set -- $(find src cli plugins -name '*.c' | sort)
known=
for file; do
	# What this build leaves out (the seal log) has no command.
	grep -q "\"file\": \".*/$file\"" "$build/compile_commands.json" && known="$known $file"
done
printf '%s\n' $known | nice -n 5 xargs -P 2 -n 4 clang-tidy --quiet -p "$build" 2>/dev/null || fail=1
echo "$(printf '%s\n' $known | wc -l) sources"
[ -z "${fail:-}" ]
