# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands around a box: networks, senders, origins, a running box, and readers of what it delivers.

The demo, the rig tests and the benchmarks are made of these parts. Standard library only.
"""
