#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon's state store under power cuts: state_life is cut before every file operation with SEEDS (default 40)
# outcomes each, then started again without cuts. Lives: a clean one, one that is cut, one after it.
#   first    the cut comes in the first life, while the store is created; its witness lies in another folder
#   second   after a clean first life
#   witness  the same with the witness in the folder that is cut, so that its own replacement is cut too
# Counted: reused (a block of numbers used twice), lost (a promised row absent or older, or a deleted one back), refused (the store did not
# open). All three must be 0.
#   tests/powercut.sh BIN        SEEDS=1000 tests/powercut.sh BIN
set -u
renice -n 10 $$ >/dev/null # it waits for nothing, others do
BIN=${1:?usage: powercut.sh FOLDER-OF-THE-TOOLS}
SEEDS=${SEEDS:-40}
[ -x "$BIN/state_life" ] && [ -f "$BIN/powercut.so" ] || { echo "powercut: tools are not built"; exit 77; }
# The simulation says what is durable, not the disk below: memory is as good and spares a card.
[ -n "${TMPDIR:-}" ] || { [ -w /dev/shm ] && export TMPDIR=/dev/shm; }
W=$(mktemp -d) || exit 2
trap 'rm -rf "$W"' EXIT

cut_life() { # crash point, seed; continues $w/used
	POWERCUT_DIR=$w/s/d POWERCUT_AT=$1 POWERCUT_SEED=$2 LD_PRELOAD=$BIN/powercut.so \
		"$BIN/state_life" "$w/s/d" "$witness" 2 <"$w/used1" 3>"$w/used2" 2>"$w/err"
}

scenario() { # name, steps of the first life, folder of the witness: its answer is one line and the status
	local at seed n rc runs=0 reused=0 lost=0 refused=0 failed=0 w=$W/$1 witness=$W/$1/s/$3/witness a b c
	mkdir -p "$w/s/d" "$w/s/w"; : >"$w/used1"
	[ "$2" = 0 ] || "$BIN/state_life" "$w/s/d" "$witness" "$2" </dev/null 3>"$w/used1" || { echo "$1: first life failed"; return 1; }
	mapfile -t a <"$w/used1"
	cp -a "$w/s" "$w/first"
	POWERCUT_COUNT=$w/n cut_life 0 1 || { echo "$1: uncut life failed: $(<"$w/err")"; return 1; }
	n=$(<"$w/n")
	for ((at = 1; at <= n; at++)); do for ((seed = 1; seed <= SEEDS; seed++)); do
		rm -rf "$w/s"; cp -a "$w/first" "$w/s"
		cut_life $at $seed; rc=$?
		[ $rc = 137 ] || [ $rc = 0 ] || failed=$((failed + 1))
		mapfile -t b <"$w/used2"
		printf '%s\n' "${a[@]}" "${b[@]}" >"$w/before"
		"$BIN/state_life" "$w/s/d" "$witness" 1 <"$w/before" 3>"$w/used3" 2>"$w/err"
		case $? in
		0) ;;
		3) refused=$((refused + 1)); cat "$w/err" >&2 ;;
		4) lost=$((lost + 1)); cat "$w/err" >&2 ;;
		*) failed=$((failed + 1)) ;;
		esac
		mapfile -t c <"$w/used3"
		printf '%s\n' "run $runs" "${a[@]}" "${b[@]}" "${c[@]}" >>"$w/all"
		runs=$((runs + 1))
	done; done
	reused=$(awk '$1 == "run" { run = $2 } $1 == "use" && seen[run, $2, $3]++ { n++ } END { print n + 0 }' "$w/all")
	used=$(awk '$1 == "use"' "$w/all" | wc -l)
	echo "$1: crash points $n runs $runs blocks used $used reused $reused lost $lost refused $refused failed $failed"
	[ $((reused + lost + refused + failed)) = 0 ] && [ "$n" -gt 10 ] && [ "$used" -gt "$runs" ]
}

# Statuses go through files: a shell forgets that of a job after some thousand other children.
{ scenario first 0 w; echo $? >"$W/first.rc"; } &
{ scenario second 1 w; echo $? >"$W/second.rc"; } &
scenario witness 1 d; echo $? >"$W/witness.rc"
wait
[ "$(cat "$W/first.rc" "$W/second.rc" "$W/witness.rc" | tr -d '\n')" = 000 ]
