# PaulyOps: one GNU Makefile, no configure step. `make help` lists the verbs.
#
#   V=dev|asan|tsan|cover|fuzz|symbols|release   variant (default dev)
#   O=DIR        output directory (default build); objects go to $(O)/$(V)
#   MODS="..."   build and test only these modules of src/
#   T='glob*'    only the test cases (or, for fuzz, the target) that match
#   WERROR=      warnings do not stop the build (for a compiler we have not met)

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

V ?= dev
O ?= build
T ?=
B := $(O)/$(V)
VARIANTS := dev asan tsan cover fuzz symbols release
ifeq ($(filter $(V),$(VARIANTS)),)
$(error V=$(V) is none of: $(VARIANTS))
endif

# ---- what there is to build -------------------------------------------------------------------
ALL_MODS := $(sort $(patsubst src/%/,%,$(dir $(wildcard src/*/*.c src/*/*.h))))
MODS ?= $(ALL_MODS)
MOD_SRC := $(sort $(wildcard $(addprefix src/,$(addsuffix /*.c,$(MODS)))))
LIB_TEST_SRC := $(sort $(wildcard tests/lib/*.c))
UNIT_SRC := $(sort $(wildcard $(addprefix tests/unit/,$(addsuffix /*.c,$(MODS)))))
# properties span modules: only when all of them are built
UNIT_SRC += $(if $(filter-out $(MODS),$(ALL_MODS)),,$(sort $(wildcard tests/prop/*.c)))
FAULT_SRC := $(sort $(wildcard tests/fault/*.c tests/power/core_*.c)) tests/power/sqlite_sys.c
POWER_SRC := $(sort $(wildcard tests/power/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
EMBED_FILES := $(sort $(shell find content -type f ! -name '.*' 2>/dev/null) \
                      $(wildcard src/store/migrations/*.sql LICENSE))
VERSION := $(shell cat VERSION)

# ---- compiler and flags (STYLE B8) ------------------------------------------------------------
CC := gcc
WARN := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wstrict-prototypes \
        -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align \
        -Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference \
        -Wdouble-promotion
WERROR := -Werror
HARDEN := -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero -fstack-clash-protection \
          -fcf-protection -fstack-protector-strong -fno-delete-null-pointer-checks
RELEASE := -O2 -fPIE $(HARDEN)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

OPT_dev := -Og -g3 -DPO_TRAP -DPO_FAULTS
OPT_asan := -O1 -g3 $(SANITIZE) -DPO_TRAP -DPO_FAULTS
OPT_tsan := -O1 -g3 -fsanitize=thread -DPO_TRAP -DPO_FAULTS
OPT_cover := -O0 -g3 --coverage -DPO_COVER -DPO_FAULTS
OPT_fuzz := -O1 -g3 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DPO_TRAP
OPT_symbols := $(RELEASE)
OPT_release := $(RELEASE) -flto=auto
LINK_dev :=
LINK_asan := $(SANITIZE)
LINK_tsan := -fsanitize=thread
LINK_cover := --coverage
LINK_fuzz := -fsanitize=address,undefined
LINK_symbols := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LINK_release := $(WERROR) $(RELEASE) -flto=auto -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--build-id=sha1 -s
ifneq ($(filter asan tsan,$(V)),)
# gcc 12 warns falsely about code that its own sanitizers have changed; dev and release do check these
WARN += -Wno-sign-conversion -Wno-null-dereference -Wno-maybe-uninitialized
endif
ifeq ($(V),fuzz)
CC := clang-14
endif

# ---- libraries, only through pkg-config; "module:Debian package" ------------------------------
LIBRARIES := libssl:libssl-dev libcrypto:libssl-dev libsodium:libsodium-dev sqlite3:libsqlite3-dev \
             libseccomp:libseccomp-dev libqrencode:libqrencode-dev
library_check = $(if $(shell pkg-config --exists $(1) 2>/dev/null && echo yes),$(1),\
  $(error the library '$(1)' is missing: install the Debian package '$(2)', or run scripts/setup run))
NEEDS_LIBRARIES := $(filter-out help clean,$(or $(MAKECMDGOALS),help))
ifneq ($(NEEDS_LIBRARIES),)
ifeq ($(shell command -v pkg-config 2>/dev/null),)
$(error 'pkg-config' is missing: install the Debian package 'pkg-config', or run scripts/setup run)
endif
LIBS := $(strip $(foreach l,$(LIBRARIES),\
  $(call library_check,$(firstword $(subst :, ,$l)),$(lastword $(subst :, ,$l)))))
LIB_CFLAGS := $(shell pkg-config --cflags $(LIBS))
LIB_LIBS := -Wl,--as-needed $(shell pkg-config --libs $(LIBS)) -lm
endif
# jansson is the oracle of the JSON tests; the program itself never links it
TEST_LIBS = $(LIB_LIBS) $(shell pkg-config --libs $(call library_check,check,check) \
              $(call library_check,jansson,libjansson-dev))

CPPFLAGS := -Isrc -Itests -I$(B)/gen -D_GNU_SOURCE
CFLAGS := -std=gnu17 $(WARN) -fno-common $(WERROR) $(OPT_$(V)) -ffile-prefix-map=$(CURDIR)=.
COMPILE = $(CC) $(CPPFLAGS) $(LIB_CFLAGS) $(CFLAGS)
LINK = $(CC) $(if $(filter release,$(V)),-std=gnu17) $(LINK_$(V))

# ---- objects ----------------------------------------------------------------------------------
object = $(patsubst %.c,$(B)/%.o,$(1))
MOD_OBJ := $(call object,$(MOD_SRC)) $(B)/gen/embed.o $(B)/gen/build_info.o
MAIN_OBJ := $(call object,$(wildcard src/main.c))
LIB_TEST_OBJ := $(call object,$(LIB_TEST_SRC))
UNIT_OBJ := $(call object,$(UNIT_SRC))
FAULT_OBJ := $(call object,$(FAULT_SRC))
POWER_OBJ := $(call object,$(POWER_SRC))
BINARY := $(B)/paulyops
TEST := $(B)/test
FAULT := $(B)/test-fault
POWER := $(B)/test-power
ALL_OBJ := $(sort $(MOD_OBJ) $(MAIN_OBJ) $(LIB_TEST_OBJ) $(UNIT_OBJ) $(FAULT_OBJ) $(POWER_OBJ) $(call object,$(wildcard tests/script/*.c tests/http/*.c)))

# A stamp's file changes only when its text does: what depends on it is rebuilt then, not else.
define stamp
$(1): FORCE
	@mkdir -p $$(@D); printf '%s\n' $(2) | cmp -s - $$@ || printf '%s\n' $(2) >$$@
endef
.PHONY: FORCE
FORCE:
quote = '$(subst ','\'',$(1))'
$(eval $(call stamp,$(B)/stamp/flags,$$(call quote,$$(COMPILE) / $$(LINK))))
$(eval $(call stamp,$(B)/stamp/sources,$$(call quote,$$(MOD_SRC)) $$(call quote,$$(UNIT_SRC) $$(LIB_TEST_SRC))))
$(eval $(call stamp,$(B)/stamp/embed,$$(call quote,$$(EMBED_FILES))))

$(B)/%.o: %.c $(B)/stamp/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	@$(COMPILE) $(if $(filter release,$(V)),-frandom-seed=$<) -MMD -MP -c -o $@ $<

$(BINARY): $(MOD_OBJ) $(MAIN_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $(MOD_OBJ) $(MAIN_OBJ) $(LIB_LIBS)

$(TEST): $(MOD_OBJ) $(LIB_TEST_OBJ) $(UNIT_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $(MOD_OBJ) $(LIB_TEST_OBJ) $(UNIT_OBJ) $(TEST_LIBS)

$(FAULT): $(MOD_OBJ) $(LIB_TEST_OBJ) $(FAULT_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $(MOD_OBJ) $(LIB_TEST_OBJ) $(FAULT_OBJ) $(TEST_LIBS)

$(POWER): $(MOD_OBJ) $(LIB_TEST_OBJ) $(POWER_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $(MOD_OBJ) $(LIB_TEST_OBJ) $(POWER_OBJ) $(TEST_LIBS)

# runs Script files: conformity, examples, benchmarks
SCRIPT_TOOL_OBJ := $(call object,$(sort $(wildcard tests/script/*.c)) tests/unit/script/host_fixture.c)
$(B)/script_tool: $(SCRIPT_TOOL_OBJ) $(MOD_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $(SCRIPT_TOOL_OBJ) $(MOD_OBJ) $(LIB_LIBS)

# tests of http/ from outside: a server, and the comparison with libmicrohttpd
$(B)/http_tool: $(call object,tests/http/http_tool.c) $(MOD_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $< $(MOD_OBJ) $(LIB_LIBS)
$(B)/http_diff: $(call object,tests/http/http_diff.c) $(MOD_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $< $(MOD_OBJ) $(LIB_LIBS) -lmicrohttpd

# ---- generated: embedded files, build information ---------------------------------------------
$(O)/host/embed: scripts/embed.c
	@mkdir -p $(@D)
	@gcc -std=gnu17 -O1 -Wall -Wextra -Werror -o $@ $<

$(B)/gen/embed.S: $(O)/host/embed $(EMBED_FILES) $(B)/stamp/embed
	@mkdir -p $(@D)
	@$(O)/host/embed $(EMBED_FILES) >$@

$(B)/gen/embed.o: $(B)/gen/embed.S
	@$(CC) -c -o $@ $<

$(B)/gen/build_info.c: $(B)/stamp/build
	@mkdir -p $(@D)
	@scripts/build-info $(B)/stamp/build >$@

$(B)/gen/build_info.o: $(B)/gen/build_info.c $(B)/stamp/flags
	@$(COMPILE) -c -o $@ $<

SOURCE_FILES := $(sort $(MOD_SRC) $(wildcard src/main.c src/*/*.h src/*/*.def) $(EMBED_FILES))
$(B)/stamp/build: FORCE
	@mkdir -p $(@D)
	@scripts/build-facts $(V) "$(CC)" $(SOURCE_FILES) >$@.new
	@cmp -s $@.new $@ || cp $@.new $@

-include $(ALL_OBJ:.o=.d)

# ---- fuzz targets: tests/fuzz/fuzz_NAME.c, corpus/NAME/, NAME.dict ------------------------------
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
$(B)/fuzz-%: $(B)/tests/fuzz/fuzz_%.o $(MOD_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(CC) -fsanitize=fuzzer,address,undefined -o $@ $< $(MOD_OBJ) $(LIB_LIBS)

$(B)/replay-%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(MOD_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $(B)/tests/fuzz/replay.o $< $(MOD_OBJ) $(LIB_LIBS)

.PRECIOUS: $(B)/%.o
-include $(patsubst %.c,$(B)/%.d,$(FUZZ_SRC) tests/fuzz/replay.c)

# ---- verbs ------------------------------------------------------------------------------------
# progress, unless make runs with -s
say = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,printf '  %-5s %s\n' '$(1)' '$(2)')
RUN_TEST = $(if $(T),-t '$(T)') $(if $(SEED),-s $(SEED)) $(if $(ROUNDS),-r $(ROUNDS)) \
           $(if $(P),-P $(P)) $(if $(TIMES),-v) -S $(CURDIR)
AGAIN = $(MAKE) --no-print-directory O=$(O)
SECONDS ?= 60
PREFIX ?= /usr/local
PYTHON := /usr/bin/python3
export ASAN_OPTIONS ?= detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help all manifest test fault power system fuzz fuzz-replay fuzz-script cover lint format trace analyze \
        bench bench-script soak bare compdb install clean
help: ## this list
	@echo "make VERB [V=variant] [O=build] [MODS='core ledger'] [T='glob*']; variants: $(VARIANTS)"
	@sed -n 's/^\([a-z][a-z -]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

all: $(if $(MAIN_OBJ),$(BINARY),$(MOD_OBJ)) ## the program: O/V/paulyops

manifest: ## measure the release program: O/release/build-manifest.json
	+@$(AGAIN) V=symbols all
	+@$(AGAIN) V=release all
	@scripts/lint-symbols $(O)

test: $(TEST) ## unit tests of MODS [T=glob SEED= P=workers TIMES=1]
	@$(TEST) $(RUN_TEST)

fault: $(FAULT) ## failure of each allocation and system call of the commands [T=]
	@$(FAULT) $(RUN_TEST)

power: $(POWER) ## kills and power cuts at random moments [ROUNDS=20 T=]
	@$(POWER) $(RUN_TEST)

system: ## the release program from outside, with pytest [T=expression]
	+@$(AGAIN) V=release all $(O)/release/http_tool $(O)/release/http_diff
	@O='$(abspath $(O))' $(PYTHON) -m pytest -q -p no:cacheprovider $(if $(T),-k '$(T)') tests/system

fuzz: ## explore one target with libFuzzer: T=json [SECONDS=60]
	@$(if $(filter $(FUZZ_NAMES),$(T)),,$(error T= one of: $(FUZZ_NAMES)))
	+@$(AGAIN) V=fuzz $(O)/fuzz/fuzz-$(T)
	@mkdir -p $(O)/fuzz/found/$(T) tests/fuzz/corpus/$(T)
	@$(O)/fuzz/fuzz-$(T) -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 \
	    $(if $(wildcard tests/fuzz/$(T).dict),-dict=tests/fuzz/$(T).dict) \
	    -artifact_prefix=$(O)/fuzz/found/$(T)/ $(O)/fuzz/found/$(T) tests/fuzz/corpus/$(T)

# two hours of processor time for all of Script's targets together, each on one core in turn
SCRIPT_SECONDS ?= 7200
SCRIPT_FUZZ := $(filter script%,$(FUZZ_NAMES))
fuzz-script: ## explore lexer, parser, checker, bytecode and whole programs of Script [SCRIPT_SECONDS=7200]
	+@for t in $(SCRIPT_FUZZ); do $(AGAIN) MODS='core script' T=$$t \
	    SECONDS=$$(($(SCRIPT_SECONDS) / $(words $(SCRIPT_FUZZ)))) fuzz || exit 1; done

fuzz-replay: ## run every corpus under ASan and UBSan [T=target ROUNDS=mutations per file]
	+@$(AGAIN) V=asan $(addprefix $(O)/asan/replay-,$(or $(T),$(FUZZ_NAMES)))
	@scripts/fuzz-replay $(O)/asan $(or $(ROUNDS),20) $(or $(T),$(FUZZ_NAMES))

cover: ## coverage by module, from the unit tests
	+@$(AGAIN) V=cover $(O)/cover/test
	@find $(O)/cover -name '*.gcda' -delete
	@$(O)/cover/test -S $(CURDIR)
	@scripts/cover $(O)/cover

lint: ## format words symbols layers sizes headers shell man trace selftest [L='format sizes']
	+@$(if $(and $(L),$(if $(filter symbols,$(L)),,yes)),,$(AGAIN) -k V=symbols all && $(AGAIN) -k V=release all \
	    || rm -f $(O)/release/paulyops)
	@O=$(O) CPPFLAGS='$(CPPFLAGS) $(LIB_CFLAGS)' WARN='$(WARN)' scripts/lint $(L)

format: ## reformat the C files of MODS and tests/ in place
	@clang-format-14 -i $(wildcard $(addprefix src/,$(addsuffix /*.[ch],$(MODS)))) \
	    $(wildcard $(addprefix tests/unit/,$(addsuffix /*.[ch],$(MODS))))

trace: ## the matrix control -> code -> tests: O/trace.txt
	@mkdir -p $(O)
	@scripts/lint-trace -m >$(O)/trace.txt && echo "$$(wc -l <$(O)/trace.txt) controls in $(O)/trace.txt"

ANALYZE_SRC := $(MOD_SRC) $(wildcard src/main.c)
$(O)/analyze/%.gcc: %.c $(B)/stamp/flags
	$(call say,GCC,$<)
	@mkdir -p $(@D)
	@gcc $(CPPFLAGS) $(LIB_CFLAGS) -std=gnu17 $(WARN) $(WERROR) -O0 -fanalyzer $(ANALYZER_OFF) -MMD -MP -MF $@.d \
	    -MT $@ -c -o /dev/null $<
	@touch $@
$(O)/analyze/%.tidy: %.c $(O)/analyze/%.gcc .clang-tidy
	$(call say,TIDY,$<)
	@clang-tidy-14 --quiet --warnings-as-errors='*' $< -- $(CPPFLAGS) $(LIB_CFLAGS) -std=gnu17 2>$@.log || \
	    { cat $@.log; false; }
	@touch $@
-include $(patsubst %.c,$(O)/analyze/%.gcc.d,$(ANALYZE_SRC))
# -O0: optimised, a small struct result is taken apart and gcc 12 takes it for uninitialised.
# Off, because gcc 12 forgets that a call may set the pointer whose address it was given, that memcpy
# fills a pointer, and how a length bounds a pointer; clang's analyzer, run beside it, checks all three.
ANALYZER_OFF := -Wno-analyzer-null-dereference -Wno-analyzer-null-argument \
                -Wno-analyzer-use-of-uninitialized-value
analyze: $(patsubst %.c,$(O)/analyze/%.gcc,$(ANALYZE_SRC)) $(patsubst %.c,$(O)/analyze/%.tidy,$(ANALYZE_SRC)) ## gcc -fanalyzer, clang-tidy, cppcheck
	@mkdir -p $(O)/analyze/cppcheck
	@cppcheck --quiet --std=c11 --language=c --enable=warning,portability --inline-suppr --error-exitcode=1 \
	    --suppressions-list=scripts/cppcheck-suppress --cppcheck-build-dir=$(O)/analyze/cppcheck -j 2 \
	    -Isrc -D_GNU_SOURCE $(ANALYZE_SRC)

BENCH_SRC := $(sort $(wildcard bench/bench_*.c))
$(B)/bench-%: $(B)/bench/bench_%.o $(MOD_OBJ) $(B)/stamp/sources
	$(call say,LINK,$@)
	@$(LINK) -o $@ $< $(MOD_OBJ) $(LIB_LIBS) $(BENCH_LIBS_$*)
BENCH_LIBS_http := -lmicrohttpd
bench-http: ## the HTTP server against libmicrohttpd, 10,000 idle connections, the whole service; release build
	+@$(AGAIN) V=release all
	+@$(AGAIN) MODS='core crypto http' V=release $(O)/release/bench-http
	+@$(AGAIN) MODS='core crypto store ledger home identity' V=release $(O)/release/bench-service
	@$(O)/release/bench-http
	@$(O)/release/bench-service
bench-script: ## Script against Lua 5.4 on nine micro programs, cold start, checking; release build
	+@$(AGAIN) MODS='core script' V=release $(O)/release/bench-script
	@$(O)/release/bench-script
bench: ## measure: bench/bench_*.c, release build
	+@$(AGAIN) V=release all $(patsubst bench/bench_%.c,$(O)/release/bench-%,$(BENCH_SRC))
	@for b in $(patsubst bench/bench_%.c,$(O)/release/bench-%,$(BENCH_SRC)); do $$b || exit 1; done

soak: ## the long form: 200 kills and power cuts, every sync left out, every fault, ASan, mutations, fuzzing of Script [SCRIPT_SECONDS=]
	+@$(AGAIN) V=dev ROUNDS=2 test T='[bdghp]*__*'
	+@$(AGAIN) V=dev ROUNDS=200 power
	+@$(AGAIN) V=dev ROUNDS=200 fault
	+@$(AGAIN) V=asan ROUNDS=60 power
	+@$(AGAIN) V=asan fault
	+@$(AGAIN) ROUNDS=2000 fuzz-replay
	+@$(AGAIN) fuzz-script
	@PO_SOAK=1 $(AGAIN) system

bare: ## both commands in a bare Debian 12 chroot (root, debootstrap)
	@O='$(O)' scripts/bare

compdb: ## compile_commands.json for editors
	@scripts/compdb "$(COMPILE)" $(MOD_SRC) $(wildcard src/main.c) $(LIB_TEST_SRC) $(UNIT_SRC) >compile_commands.json

install: ## install the release build: DESTDIR= PREFIX=/usr/local
	@test -f $(O)/release/build-manifest.json || $(AGAIN) manifest
	@printf '%s  %s\n' "$$(sed -n 's/.*"binary_sha256": "\(.*\)".*/\1/p' $(O)/release/build-manifest.json)" \
	    $(O)/release/paulyops | sha256sum --check --quiet
	install -D -m 755 $(O)/release/paulyops $(DESTDIR)$(PREFIX)/bin/paulyops
	install -D -m 644 $(O)/release/build-manifest.json $(DESTDIR)$(PREFIX)/share/paulyops/build-manifest.json
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' packaging/paulyops.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/paulyops.service
	install -D -m 644 packaging/paulyops.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/paulyops.conf
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/paulyops/LICENSE
	for page in $(wildcard docs/man/*.[1-9]); do \
	    install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$(basename $$page) || exit 1; done

clean: ## remove the output directory
	rm -rf $(O)
