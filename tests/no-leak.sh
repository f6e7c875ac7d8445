#!/bin/sh
# Runs a Criterion program; fails also when a sanitizer wrote a report, which Criterion itself would hide.
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
ASAN_OPTIONS=log_path="$dir/asan" UBSAN_OPTIONS=log_path="$dir/ubsan" "$@"
code=$?
for report in "$dir"/*san*; do
	[ -s "$report" ] || continue
	cat "$report"
	code=99
done
exit $code
