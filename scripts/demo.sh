#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The datapath at work, in a virtual machine with a stock Debian kernel:
# two hypervisors, a VM behind each, the appliance between them. What is shown
# is checked; the exit status is nonzero if anything is not as promised.
#
#   scripts/demo.sh                    as "make demo" does
#   DEMO_KERNEL=uml scripts/demo.sh    with another kernel of tests/vm/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."

kernel=${DEMO_KERNEL:-6.12}
case $kernel in
uml*)
	how="User Mode Linux, without an accelerator: runs natively, on one CPU" ;;
*)
	how="QEMU; the line \"vm: ... with -accel ...\" below says with which
accelerator: kvm where it runs this kernel, otherwise tcg, which is slow" ;;
esac

cat <<EOF
Builds dash.ko for the kernel "$kernel", and dashctl; boots that kernel in
$how.
(The first run downloads the kernel from Debian's archive.)

EOF

status=0
tests/vm/run.sh "$kernel" --timeout 900 -- tests/demo/inside.sh || status=$?
echo
if [ $status = 0 ]; then
	echo "demo: all as promised, after $SECONDS s"
else
	echo "demo: FAILED (exit status $status), after $SECONDS s" >&2
fi
exit $status
