# SPDX-License-Identifier: GPL-2.0
#
#   make                    dash.ko for the running kernel (or KDIR=...), dashctl
#   make install            as root; DESTDIR=, PREFIX= as usual
#   make check              all tests; needs neither KVM nor a matching kernel
#
# kbuild reads Kbuild, not this file.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=
INSTALL_MOD_DIR ?= updates
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
# For "make selftests" and "make kunit"
KERNEL ?= uml

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)
release = $(shell $(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

all: modules dashctl

kernel-headers:
	@test -e $(KDIR)/Makefile || { \
		echo "There are no kernel headers in $(KDIR)." >&2; \
		echo "Install them (Debian: apt install linux-headers-$$(uname -r))," >&2; \
		echo "or say where they are: make KDIR=/path/to/kernel/build" >&2; \
		exit 1; }

modules: kernel-headers
	$(kbuild) modules

dashctl:
	$(MAKE) -C tools/dashctl

install: modules_install dashctl_install

modules_install: modules
	$(kbuild) modules_install INSTALL_MOD_DIR=$(INSTALL_MOD_DIR) \
		INSTALL_MOD_PATH=$(DESTDIR)
ifeq ($(DESTDIR),)
	depmod $(release)
endif

dashctl_install: dashctl
	$(MAKE) -C tools/dashctl install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)

uninstall: kernel-headers
	rm -f $(DESTDIR)/lib/modules/$(release)/$(INSTALL_MOD_DIR)/dash.ko*
ifeq ($(DESTDIR),)
	depmod $(release)
endif
	$(MAKE) -C tools/dashctl uninstall DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)

# The source goes where DKMS looks, without what only developers need.
dkms:
	scripts/setup.sh dkms
	rm -rf /usr/src/dash-$(VERSION)
	install -d /usr/src/dash-$(VERSION)
	cp -a Makefile Kbuild dkms.conf dash include /usr/src/dash-$(VERSION)/
	-dkms remove dash/$(VERSION) --all
	dkms add dash/$(VERSION)
	dkms build dash/$(VERSION)
	dkms install dash/$(VERSION)

# Cleaning takes no kernel headers.
clean:
	find . -path ./.git -prune -o \( -name '*.o' -o -name '*.ko' -o \
		-name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' -o \
		-name '*.a' -o -name '*.gcno' -o -name modules.order -o -name Module.symvers \) \
		-type f -exec rm -f {} +
	rm -rf dash/compat/generated tests/*/unit_*.c
	-$(if $(wildcard tools/dashctl/Makefile),$(MAKE) -C tools/dashctl clean)

check:
	scripts/setup.sh build test lint
	tests/run-all.sh

lint:
	scripts/setup.sh build lint
	scripts/lint.sh

kunit:
	tests/vm/run.sh $(KERNEL) -- tests/kunit/run.sh

selftests:
	tests/vm/run.sh $(KERNEL) --timeout 1500 -- tests/selftests/run.sh

# Random traffic against the reference model for about an hour; DASH_SEED and
# DASH_SEQUENCES as tests/selftests/differential.py has them.
differential:
	DASH_SEED=$${DASH_SEED:-$$(date +%s)} \
	DASH_SEQUENCES=$${DASH_SEQUENCES:-100000} DASH_TEST_TIMEOUT=14400 \
		tests/vm/run.sh $(KERNEL) --timeout 14460 -- \
		tests/selftests/run.sh differential

# Which lines of dash/ the tests execute, and which they do not
coverage:
	scripts/setup.sh build test
	tests/coverage/run.sh

demo:
	scripts/setup.sh build test
	scripts/demo.sh

ifneq ($(wildcard tests/bench/run.sh),)
bench:
	scripts/setup.sh build test bench
	tests/bench/run.sh
endif

.PHONY: all kernel-headers modules dashctl install modules_install \
	dashctl_install uninstall dkms clean check lint kunit selftests differential \
	coverage demo bench
