# SPDX-License-Identifier: Apache-2.0
"""The rooms of tests/bench/compare: python3's own library only."""
