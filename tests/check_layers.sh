#!/bin/sh
# tests/check_layers.sh: every #include against layers.txt; prints file, line and the forbidden pair.
cd "$(dirname "$0")/.." || exit 2
find src cli plugins -name '*.[ch]' | sort | xargs grep -HnE '^[[:space:]]*#[[:space:]]*include' |
awk -F: '
NR == FNR { n = split($0, w, /[ \t]+/); for (i = 3; i <= n; i++) ok[w[1], w[2], w[i]] = 1
            if (w[1] == "lib") libs[w[2]] = 1; next }
{ file = $1; sub(/^src\//, "", file); split(file, d, "/"); wing = d[1]
  match($0, /[<"][^>"]*[>"]/); inc = substr($0, RSTART + 1, RLENGTH - 2)
  for (l in libs) if (index(inc, l) == 1) {
    if (!((("lib", l, wing) in ok) || (("lib", l, file) in ok))) bad($1, $2, inc)
    next }
  if (index(inc, "/") == 0 || $0 ~ /<(sys|netinet|net|arpa|linux)\//) next
  split(inc, t, "/"); if (t[1] == (wing == "plugins" ? d[2] : wing)) next
  if (!((("wing", wing, t[1]) in ok) || (("wing", wing, inc) in ok) ||
        (("wing", wing "/" d[2], t[1]) in ok))) bad($1, $2, inc) }
function bad(f, n, inc) { printf "%s:%s: may not include %s\n", f, n, inc; err = 1 }
END { exit err }' tests/layers.txt -
