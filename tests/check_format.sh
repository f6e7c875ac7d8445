#!/bin/sh
# Every C file is as clang-format leaves it, with the file at the root. Another major version lays out differently.
cd "$(dirname "$0")/.." || exit 2
command -v clang-format >/dev/null || { echo "skipped: clang-format is not installed"; exit 77; }
case $(clang-format --version) in
*version\ 14.*) ;;
*) echo "skipped: $(clang-format --version) is not version 14"; exit 77 ;;
esac
files=$(find src cli plugins include tests -name '*.[ch]')
clang-format --dry-run -Werror $files || { echo "clang-format -i mends that"; exit 1; }
echo "$(echo "$files" | wc -l) files"
