#!/bin/sh
# A release build holds no trace of what only tests need, and each plugin exports one symbol.
#   check_release.sh BUILD
build=$1
[ -x "$build/bin/dietvpnd" ] || { echo "skipped: no release build at $build (packaging/quickstart test makes one)"; exit 77; }
for file in "$build"/bin/dietvpnd "$build"/bin/dietvpn "$build"/keying/*.so; do
	if strings "$file" | grep -qi 'SEAL_LOG'; then
		echo "$file: the seal log is compiled in"
		fail=1
	fi
done
for plugin in "$build"/keying/*.so; do
	symbols=$(nm -D --defined-only "$plugin" | awk '{print $3}' | tr '\n' ' ')
	if [ "$symbols" != "keying_plugin " ]; then
		echo "$plugin exports: $symbols"
		fail=1
	fi
done
[ -z "$fail" ] && echo "clean: $(ls "$build"/bin "$build"/keying | tr '\n' ' ')"
