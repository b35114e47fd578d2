# SPDX-License-Identifier: GPL-2.0-or-later
# Biplane. `make help` lists the verbs. Everything that is built lands in $(BUILD).

BUILD ?= build
PREFIX ?= /usr
DESTDIR ?=
CC = gcc
Q := $(if $(V),,@)# make V=1 shows the commands
FUZZ_SECONDS ?= 5

WARNINGS = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. -MMD -MP -fno-strict-aliasing $(WARNINGS) $(CFLAGS)
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1
SANITIZE_THREAD = -fsanitize=thread -fno-omit-frame-pointer -O1

# ---- what belongs to what ------------------------------------------------------------------------------------------
FOLDERS = board drivers dataplane encode mgmt tools
PACKAGES_board = libconfig hwloc numa
PACKAGES_drivers = libdpdk vpl libva libva-drm libdrm
PACKAGES_dataplane = libdpdk jansson
PACKAGES_encode = libavformat libavcodec libavutil libswresample libswscale vpl libva jansson libcrypto
PACKAGES_mgmt = libcurl libmicrohttpd jansson libcrypto zlib libconfig libnewt libsystemd
PACKAGES_tools = libavformat libavcodec libavutil libpcap libdpdk libcurl jansson libcrypto zlib

# Parts of a folder's library that stand in a folder of their own.
SUBFOLDERS_mgmt = mgmt/console
SUBFOLDERS_tools = tools/origincheck

# A program is one file with main(); everything else of a folder is its library.
PROGRAM_biplane-dataplane = dataplane/biplane_dataplane.c
PROGRAM_biplane-encode = encode/biplane_encode.c
PROGRAM_biplaned = mgmt/biplaned.c
PROGRAM_biplanectl = mgmt/biplanectl.c
PROGRAM_biplane-console = mgmt/console/biplane_console.c
PROGRAM_biplane-rtpsend = tools/biplane_rtpsend.c
PROGRAM_biplane-origincheck = tools/biplane_origincheck.c
PROGRAM_biplane-handoff-feed = tools/biplane_handoff_feed.c
PROGRAMS = $(patsubst PROGRAM_%,%,$(filter PROGRAM_%,$(.VARIABLES)))
BENCH_SOURCES = $(wildcard tools/bench/*.c)
MAINS = $(foreach p,$(PROGRAMS),$(PROGRAM_$(p)))

# Files that run on a poll-mode core: no allocation, lock, sleep, system call or log (`make hotcheck`).
HOT = dataplane/packet dataplane/flow_table dataplane/security_group dataplane/reorder dataplane/stream_ring_writer dataplane/receive

pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)
CFLAGS_drivers := $(call pkg,--cflags,libdpdk libva libdrm)
CFLAGS_dataplane := $(call pkg,--cflags,libdpdk)
CFLAGS_tools := $(call pkg,--cflags,libdpdk)
LIBS := $(call pkg,--libs,$(foreach f,$(FOLDERS),$(PACKAGES_$(f)))) -lm -lpthread
LINK = -Wl,--as-needed $(LIBS)

sources = $(filter-out $(MAINS),$(wildcard $(1)/*.c $(addsuffix /*.c,$(SUBFOLDERS_$(1)))))
ARCHIVES = $(foreach f,$(FOLDERS),$(BUILD)/$(1)/$(f).a)
# upper folders first, so that one pass of the linker finds all
ARCHIVES_IN_ORDER = $(foreach f,tools mgmt encode dataplane drivers board,$(BUILD)/$(1)/$(f).a)

SOFTVPL = $(BUILD)/lib/libvplswref64.so.1
SOFTVA = $(BUILD)/lib/va/softva_drv_video.so
SOFTVA_ASAN = $(BUILD)/asan/lib/va/softva_drv_video.so
TESTS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/*_test.c))
# those whose path holds T, all without T: only these are built for a run of them
picked = $(if $(T),$(foreach path,$(1),$(if $(findstring $(T),$(path)),$(path))),$(1))
TSAN_SOFTVPL = $(BUILD)/tsan/lib/libvplswref64.so.1
TSAN_TESTS = $(patsubst %,$(BUILD)/tsan/softvpl_%_test,session encode vpp decode fault regions compose)
VALGRIND_TESTS = $(patsubst %,$(BUILD)/plain/softvpl_%_test,vpp compose fault)
FUZZERS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))
BENCHES = $(patsubst tools/bench/%.c,$(BUILD)/bench/%,$(BENCH_SOURCES))
BINARIES = $(addprefix $(BUILD)/bin/,$(PROGRAMS))

# ---- verbs ---------------------------------------------------------------------------------------------------------
.PHONY: all help deps demo test unit fuzz tsan leaks valgrind rig bench image image-lock image-test keys check format formatcheck layers formats hotcheck cppcheck clangcheck reference install clean
.DEFAULT_GOAL = all

all: $(BINARIES) $(SOFTVPL) $(SOFTVA) ## build everything into build/
	@ln -sfn libvplswref64.so.1 $(BUILD)/lib/libvplswref64.so
	@mkdir -p $(BUILD)/share/biplane && ln -sfn $(CURDIR)/board/boards $(BUILD)/share/biplane/boards

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

deps: ## install the Debian packages of packages.txt (needs root)
	tools/deps.sh

demo: deps ## the main job end to end: two sources, twin pipelines, two origins (needs root)
	$(MAKE) all
	tools/demo.sh

test: deps ## unit tests, fuzz targets for a short while, the rig in network namespaces, the image in a virtual machine (needs root); T=name picks
	$(MAKE) all $(TESTS) $(FUZZERS) $(SOFTVA_ASAN)
	tests/run.sh "$(T)"

unit: $(call picked,$(TESTS)) $(SOFTVPL) $(SOFTVA) $(SOFTVA_ASAN) ## unit tests only (no root); T=name picks
	tests/run.sh --unit "$(T)"

fuzz: $(call picked,$(FUZZERS)) $(SOFTVPL) ## every fuzz target for FUZZ_SECONDS
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh --fuzz "$(T)"

tsan: $(TSAN_TESTS) $(TSAN_SOFTVPL) ## the software runtime's own tests with all its threads under ThreadSanitizer (no root)
	@for test in $(TSAN_TESTS); do echo "  TSAN  $$(basename $$test)"; \
	    BIPLANE_SOFTVPL_DIR=$(BUILD)/tsan/lib TSAN_OPTIONS="exitcode=66 suppressions=tests/drivers/softvpl/tsan.supp" \
	    setarch -R timeout -k 5 300 $$test >$(BUILD)/tsan/log 2>&1 || { tail -n 60 $(BUILD)/tsan/log; exit 1; }; done

leaks: $(BUILD)/tests/drivers/softvpl_session_test $(SOFTVPL) ## a thousand sessions of the software runtime under LeakSanitizer (no root)
	BIPLANE_SESSIONS=1000 BIPLANE_SOFTVPL_DIR=$(BUILD)/lib $(BUILD)/tests/drivers/softvpl_session_test

valgrind: $(VALGRIND_TESTS) $(SOFTVPL) ## the software runtime as it is shipped under valgrind: pictures and H.264 (no root)
	@for test in $(VALGRIND_TESTS); do echo "  VALGRIND  $$(basename $$test)"; BIPLANE_SOFTVPL_DIR=$(BUILD)/lib \
	    timeout -k 5 300 valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	    $$test >$(BUILD)/plain/log 2>&1 || { tail -n 60 $(BUILD)/plain/log; exit 1; }; done

rig: all ## the rig tests only (needs root); PLACE=processes|qemu|box: scenarios of a whole box there; T=name picks
	tests/run.sh $(if $(PLACE),--place "$(PLACE)",--rig) "$(T)"

bench: deps ## measure, side by side with peers (needs root)
	$(MAKE) all $(BENCHES)
	tools/bench.sh "$(T)"

image: keys all ## the image and the update of a board: make image BOARD=qemu-twin (needs root); docs/image.md
	rootfs/image.sh "$(BOARD)"

image-test: all ## all tests of the image in a virtual machine, CUTS=200 power cuts in an update (needs root); T=name picks
	tests/run.sh --qemu "$(T)"

image-lock: ## the image's packages in the versions of today's sources, with their licences (needs root)
	rootfs/lock.sh

keys: ## keys for development that sign updates, once, into keys/
	rootfs/keys.sh

check: formatcheck layers formats hotcheck cppcheck clangcheck ## format, layers, shared formats, hot path symbols, cppcheck, clang warnings

format: ## rewrite all C files in the house's format
	git ls-files '*.c' '*.h' | xargs clang-format -i

formatcheck:
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

layers:
	tools/check_layers.sh

formats:
	tools/check_formats.sh

hotcheck: $(HOT:%=$(BUILD)/release/%.o)
	tools/check_hot.sh $^

cppcheck:
	cppcheck -q -j2 --std=c11 --language=c --error-exitcode=1 --inline-suppr -D_GNU_SOURCE -I. \
	    --suppress=missingInclude --suppress=unknownMacro --suppress=syntaxError --enable=warning,portability \
	    --suppress=normalCheckLevelMaxBranches $(FOLDERS)

clangcheck:
	tools/check_clang.sh

reference: $(BUILD)/bin/biplaned ## rewrite docs/configuration.md from the tables
	$(BUILD)/bin/biplaned --print-reference > docs/configuration.md

install: all ## install programs, runtime and boards below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/biplane $(DESTDIR)$(PREFIX)/share/biplane/boards
	install -m 755 $(BINARIES) $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(SOFTVPL) $(DESTDIR)$(PREFIX)/lib/biplane
	install -d $(DESTDIR)$(PREFIX)/lib/biplane/va
	install -m 755 $(SOFTVA) $(DESTDIR)$(PREFIX)/lib/biplane/va
	cp -r board/boards/. $(DESTDIR)$(PREFIX)/share/biplane/boards

clean: ## remove what was built
	rm -rf $(BUILD)

# ---- how -----------------------------------------------------------------------------------------------------------
# $(1): flavour (release, asan, fuzz); $(2): folder
define folder_rules
$(BUILD)/$(1)/$(2).a: $$(patsubst %.c,$(BUILD)/$(1)/%.o,$$(call sources,$(2)))
	@rm -f $$@
	@ar rcs $$@ $$^
$(BUILD)/release/$(2)/%.o: $(2)/%.c
	@mkdir -p $$(@D)
	@echo '  CC    '$$@
	$(Q)$$(CC) $$(ALL_CFLAGS) $$(CFLAGS_$(2)) -c $$< -o $$@
$(BUILD)/asan/$(2)/%.o: $(2)/%.c
	@mkdir -p $$(@D)
	@echo '  CC    '$$@
	$(Q)$$(CC) $$(ALL_CFLAGS) $(SANITIZE) $$(CFLAGS_$(2)) -c $$< -o $$@
$(BUILD)/fuzz/$(2)/%.o: $(2)/%.c
	@mkdir -p $$(@D)
	@echo '  CC    '$$@
	$(Q)clang $$(ALL_CFLAGS) -Wno-gnu $(SANITIZE) -fsanitize=fuzzer-no-link $$(CFLAGS_$(2)) -c $$< -o $$@
endef
$(foreach folder,$(FOLDERS),$(eval $(call folder_rules,release,$(folder))))
$(foreach folder,$(FOLDERS),$(eval $(BUILD)/asan/$(folder).a: $(patsubst %.c,$(BUILD)/asan/%.o,$(call sources,$(folder))) ; @rm -f $$@ && ar rcs $$@ $$^))
$(foreach folder,$(FOLDERS),$(eval $(BUILD)/fuzz/$(folder).a: $(patsubst %.c,$(BUILD)/fuzz/%.o,$(call sources,$(folder))) ; @rm -f $$@ && ar rcs $$@ $$^))

define program_rule
$(BUILD)/bin/$(1): $(BUILD)/release/$(PROGRAM_$(1):.c=.o) $(call ARCHIVES_IN_ORDER,release)
	@mkdir -p $$(@D)
	@echo '  LINK  '$$@
	$(Q)$$(CC) $$(CFLAGS) $$^ $$(LINK) -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

$(BUILD)/tests/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(call ARCHIVES_IN_ORDER,fuzz)
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)clang $(ALL_CFLAGS) $(CFLAGS_dataplane) $(SANITIZE) -fsanitize=fuzzer $< $(call ARCHIVES_IN_ORDER,fuzz) $(LINK) -o $@

$(BUILD)/tests/%_test: tests/%_test.c $(call ARCHIVES_IN_ORDER,asan)
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) $(CFLAGS_dataplane) $< $(call ARCHIVES_IN_ORDER,asan) $(LINK) -lcmocka -o $@

$(BUILD)/tests/drivers/softvpl_filter_test $(BUILD)/tests/drivers/softvpl_colour_test: LINK += $(call pkg,--libs,libavfilter)

$(BUILD)/bench/%: tools/bench/%.c $(call ARCHIVES_IN_ORDER,release)
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_dataplane) $< $(call ARCHIVES_IN_ORDER,release) $(LINK) -o $@

# The software oneVPL runtime is a library of its own: the dispatcher loads it, nothing of ours links it. Once loaded it
# stays: what libavcodec and libavfilter depend on (glib and others) leaks each time it is unloaded.
SOFTVPL_PACKAGES = libva libavcodec libavutil libswscale libavfilter x264 x265 SvtAv1Enc
SOFTVPL_SOURCES = $(wildcard drivers/softvpl/*.c) drivers/va_formats.c
SOFTVPL_OBJECTS = $(SOFTVPL_SOURCES:%.c=$(BUILD)/softvpl/%.o)
$(BUILD)/softvpl/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC    '$@
	$(Q)$(CC) $(ALL_CFLAGS) -O3 -fPIC -fvisibility=hidden $(call pkg,--cflags,vpl libdrm $(SOFTVPL_PACKAGES)) -c $< -o $@
$(SOFTVPL): $(SOFTVPL_OBJECTS)
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,libvplswref64.so.1 -Wl,-z,defs -Wl,-z,nodelete $^ $(call pkg,--libs,$(SOFTVPL_PACKAGES)) -lm -lpthread -o $@

# The same under ThreadSanitizer, and its tests: they come in through the dispatcher and need nothing else of ours. What
# the coding libraries do among their own threads is not seen, as they are not built so.
$(BUILD)/tsan/objects/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC    '$@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE_THREAD) -fPIC -fvisibility=hidden $(call pkg,--cflags,vpl libdrm $(SOFTVPL_PACKAGES)) -c $< -o $@
$(TSAN_SOFTVPL): $(SOFTVPL_SOURCES:%.c=$(BUILD)/tsan/objects/%.o)
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(CFLAGS) $(SANITIZE_THREAD) -shared -Wl,-soname,libvplswref64.so.1 -Wl,-z,nodelete $^ $(call pkg,--libs,$(SOFTVPL_PACKAGES)) -lm -lpthread -o $@
$(BUILD)/plain/%_test: tests/drivers/%_test.c
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(ALL_CFLAGS) $< $(LINK) -lcmocka -o $@
$(BUILD)/tsan/%_test: tests/drivers/%_test.c
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE_THREAD) $< $(LINK) -lcmocka -o $@

# The software VA-API driver: libva loads it by the name of its file. What it shares with the runtime (pixels, coding
# libraries) it takes from the runtime's objects; none of that is seen from outside. Its tests run on an ASan build.
SOFTVA_SOURCES = $(wildcard drivers/softva/*.c)
SOFTVA_CFLAGS = -fPIC -fvisibility=hidden $(call pkg,--cflags,libva libdrm vpl $(SOFTVPL_PACKAGES))
SOFTVA_LINK = -shared -Wl,-soname,softva_drv_video.so -Wl,-z,nodelete -Wl,--exclude-libs,ALL -Wl,--gc-sections
SOFTVA_LIBS = $(call pkg,--libs,$(SOFTVPL_PACKAGES) libjpeg) -lm -lpthread
$(BUILD)/softva/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC    '$@
	$(Q)$(CC) $(ALL_CFLAGS) -O3 $(SOFTVA_CFLAGS) -c $< -o $@
$(BUILD)/softva/asan/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC    '$@
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) $(SOFTVA_CFLAGS) -c $< -o $@
$(BUILD)/softva/softvpl.a: $(SOFTVPL_OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^
$(SOFTVA): $(SOFTVA_SOURCES:%.c=$(BUILD)/softva/%.o) $(BUILD)/softva/softvpl.a
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(CFLAGS) $(SOFTVA_LINK) -Wl,-z,defs $^ $(SOFTVA_LIBS) -o $@
$(SOFTVA_ASAN): $(SOFTVA_SOURCES:%.c=$(BUILD)/softva/asan/%.o) $(BUILD)/softva/softvpl.a
	@mkdir -p $(@D)
	@echo '  LINK  '$@
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(SOFTVA_LINK) $^ $(SOFTVA_LIBS) -o $@

-include $(shell find $(BUILD) -path $(BUILD)/image -prune -o -name '*.d' -type f -print 2>/dev/null)
