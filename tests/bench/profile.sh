#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where the daemons' time goes at full TCP rate: each daemon pinned to a processor of its own (a sends on 0, b receives on
# 1), iperf3 wherever there is room. Prints key=value lines: goodput, the share of its processor that each daemon uses, CPU
# seconds per GB, and, where perf is there, how that time divides into kernel, cipher, own code and the rest. As root:
#
#   DIETVPN_BINARY_DIR=build/release tests/bench/profile.sh [ROUNDS] [CIPHER...]            3, chacha20-poly1305 aes-gcm-16
DIETVPN_BINARY_DIR=${DIETVPN_BINARY_DIR:-$(dirname "$0")/../../build/release}
. "$(dirname "$0")/../netns/lib.sh"
ROUNDS=${1:-3}
shift $(($# > 0 ? 1 : 0))
CIPHERS=${*:-chacha20-poly1305 aes-gcm-16}
SECONDS_EACH=${SECONDS_EACH:-5} COMPRESS=${PRESET:-link}
for tool in iperf3 taskset; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done

run_ns() { awk '{print $1}' "/proc/$(daemon_pid "$1")/schedstat"; }
# profile SIDE: starts perf beside the stream; shares SIDE prints its verdict afterwards
profile() { perf record -q -F 499 -o "$W/perf.$1" -p "$(daemon_pid "$1")" -- sleep $((SECONDS_EACH - 1)) >/dev/null 2>&1; }
shares() {
	perf report -i "$W/perf.$1" --sort dso --stdio 2>/dev/null | awk -v side="$1" '
		/%/ && !/^#/ {
			sub(/%/, "", $1)
			kind = $2 ~ /kernel|vmlinux/ ? "kernel" : $2 ~ /libcrypto|libsodium/ ? "cipher" : $2 ~ /dietvpnd/ ? "own" : "libc_libuv"
			sum[kind] += $1
		}
		END {printf " %s_kernel=%.0f %s_cipher=%.0f %s_own=%.0f %s_libc_libuv=%.0f", side, sum["kernel"], side, sum["cipher"], side, sum["own"], side, sum["libc_libuv"]}'
}
# stream CIPHER STREAMS WITH_PROFILE
stream() {
	local a0 b0 from wall bits watchers=()
	on b iperf3 -s -1 -D -I "$W/iperf.pid"
	wait_for 3 sh -c "ip netns exec $P-b ss -tln | grep -q :5201"
	if [ "$3" = yes ]; then profile a & watchers+=($!); profile b & watchers+=($!); fi
	a0=$(run_ns a) b0=$(run_ns b) from=$(date +%s%N)
	on a iperf3 -c "$(other_inner a)" -P "$2" -t "$SECONDS_EACH" -f m >"$W/iperf.out" 2>&1 || bad "iperf3: $(tail -n 1 "$W/iperf.out")"
	a0=$(($(run_ns a) - a0)) b0=$(($(run_ns b) - b0)) wall=$(($(date +%s%N) - from))
	bits=$(awk -v n="$2" '/receiver/ && (n == 1 || /SUM/) {for (i = 1; i <= NF; i++) if ($i == "Mbits/sec") print $(i - 1)}' "$W/iperf.out")
	printf 'bench=profile cipher=%s streams=%d profiled=%s tcp_mbit_s=%s a_cpu=%s b_cpu=%s cpu_s_per_gb=%s' "$1" "$2" "$3" "${bits:-0}" \
		"$(awk -v t=$a0 -v w=$wall 'BEGIN {printf "%.2f", t / w}')" "$(awk -v t=$b0 -v w=$wall 'BEGIN {printf "%.2f", t / w}')" \
		"$(awk -v t=$((a0 + b0)) -v m="${bits:-0}" -v s="$SECONDS_EACH" 'BEGIN {printf "%.2f", m ? t / 1e9 / (m * s / 8000) : 0}')"
	if [ "$3" = yes ]; then wait "${watchers[@]}"; shares a; shares b; fi
	echo
}

net_pair
echo "bench=profile compress=$COMPRESS encap=$ENCAP offload=$OFFLOAD cpus=$(nproc) load=$(cut -d' ' -f1 /proc/loadavg)"
for round in $(seq "$ROUNDS"); do
	for CIPHER in $CIPHERS; do
		tunnel || finish
		taskset -p -c 0 "$(daemon_pid a)" >/dev/null
		taskset -p -c $(($(nproc) > 1)) "$(daemon_pid b)" >/dev/null
		wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
		stream "$CIPHER" 1 no
		stream "$CIPHER" 4 no
		[ "$round" = 1 ] && command -v perf >/dev/null && stream "$CIPHER" 1 yes
		tunnel_down
	done
done
[ "$fails" = 0 ]
