#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the KUnit tests: load the module, print what the kernel said. To be run
# inside:
#
#   tests/vm/run.sh uml -- tests/kunit/run.sh
set -euo pipefail

dmesg -C
insmod "${DASH_KUNIT_KO:?no dash_kunit.ko was built for this kernel}" "$@"
dmesg -t
rmmod dash_kunit
