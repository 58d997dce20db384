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
FAULT_SRC := $(sort $(wildcard tests/fault/*.c))
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
          -fcf-protection -fstack-protector-strong
RELEASE := -O2 -fPIE $(HARDEN)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

OPT_dev := -Og -g3 -DPO_TRAP -DPO_FAULTS
OPT_asan := -O1 -g3 $(SANITIZE) -DPO_TRAP -DPO_FAULTS
OPT_tsan := -O1 -g3 -fsanitize=thread -DPO_TRAP -DPO_FAULTS
OPT_cover := -O0 -g3 --coverage -DPO_COVER -DPO_FAULTS
OPT_fuzz := -O1 -g3 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DPO_TRAP
OPT_symbols := $(RELEASE)
OPT_release := $(RELEASE) -flto=auto -frandom-seed=$(VERSION)
LINK_dev :=
LINK_asan := $(SANITIZE)
LINK_tsan := -fsanitize=thread
LINK_cover := --coverage
LINK_fuzz := -fsanitize=address,undefined
LINK_symbols := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LINK_release := $(RELEASE) -flto=auto -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--build-id=sha1 -s
ifeq ($(V),fuzz)
CC := clang
# clang-14 differs where noted: it has no flow analysis behind this one and says so for each file
WARN := $(filter-out -Wnull-dereference,$(WARN))
endif

# ---- libraries, only through pkg-config; "module:Debian package" ------------------------------
LIBRARIES := libcrypto:libssl-dev libsodium:libsodium-dev sqlite3:libsqlite3-dev
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
LIB_LIBS := -Wl,--as-needed $(shell pkg-config --libs $(LIBS))
endif
TEST_LIBS = $(LIB_LIBS) $(if $(call library_check,check,check),$(shell pkg-config --libs check))

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
ALL_OBJ := $(sort $(MOD_OBJ) $(MAIN_OBJ) $(LIB_TEST_OBJ) $(UNIT_OBJ) $(FAULT_OBJ) $(POWER_OBJ))

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
	@$(COMPILE) -MMD -MP -c -o $@ $<

# tests use printf-like oddities on purpose: no exception is made for src/
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

# ---- verbs ------------------------------------------------------------------------------------
say = @printf '  %-5s %s\n' '$(1)' '$(2)'
RUN_TEST = $(if $(T),-t '$(T)') $(if $(SEED),-s $(SEED)) $(if $(ROUNDS),-r $(ROUNDS)) \
           $(if $(P),-P $(P)) -S $(CURDIR)
export ASAN_OPTIONS ?= abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS ?= print_stacktrace=1

.PHONY: help all test fault power clean
help: ## this list
	@echo "make VERB [V=$(subst $(eval) ,|,$(VARIANTS))] [O=build] [MODS='core ledger'] [T='glob*']"
	@sed -n 's/^\([a-z][a-z -]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

all: $(if $(MAIN_OBJ),$(BINARY),$(MOD_OBJ)) ## the program, $(O)/$(V)/paulyops

test: $(TEST) ## unit tests of MODS [T= SEED= P=workers]
	@$(TEST) $(RUN_TEST)

fault: $(FAULT) ## failure of each allocation and system call [T=]
	@$(FAULT) $(RUN_TEST)

power: $(POWER) ## kills and power cuts [ROUNDS=20]
	@$(POWER) $(RUN_TEST)

clean: ## remove the output directory
	rm -rf $(O)
