# The commands people type. `make` alone lists them.
#
#   make demo       build everything, play the shipped models into demo.wav, chorale.wav, chorale.mid and instrument.wav
#   make test       every test
#   make test-training  installs Training/ into an environment of its own, and runs its tests
#   make test-oracle  the loader against the reference reader of safetensors, which it fetches with pip
#   make library    the C library alone: .build/lib/libcadenza.so and libcadenza.a
#   make lv2        the LV2 plugins of Examples/lv2: .build/lv2/cadenza.lv2 and cadenza-generator.lv2
#   make install    header, libraries, CMake package, pkg-config file, command, manual, models; PREFIX=/usr/local DESTDIR= LIBDIR=
#   make uninstall  takes them away again
#   make package    a tarball that may lie anywhere, and Debian packages: .build/packages
#   make bench      speed of the named network shapes, and of the shipped models
#   make format     lays out the Swift (and, where clang-format is installed, the C) sources
#   make lint       says what `make format` would change
#   make docs       the C and the Swift interface as HTML, in .build/docs
#   make manual     writes the command's manual page anew, docs/cadenza.1, from its help
#   make clean      forgets all builds

PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

ifeq ($(origin CC),default)
CC := $(shell command -v gcc || command -v clang || echo cc)
endif
CFLAGS ?= -O2

header_number = $(shell sed -n 's/^\#define CADENZA_VERSION_$(1) \([0-9]*\)$$/\1/p' include/cadenza.h)
VERSION := $(call header_number,MAJOR).$(call header_number,MINOR).$(call header_number,PATCH)
ABI := $(call header_number,MAJOR)

# Where things are built. The library's folder looks as it does when installed: the file, and the two names that lead to it.
BUILD ?= .build
export BUILD
EMBEDDED := $(BUILD)/embedded
LIB := $(BUILD)/lib
SO := $(LIB)/libcadenza.so.$(VERSION)
CLI := $(BUILD)/release/cadenza

# libfluidsynth plays sound fonts for the command, where it is installed, and PortAudio the sound card; Package.swift asks these
# variables.
export CADENZA_FLUIDSYNTH := $(shell pkg-config --exists fluidsynth 2>/dev/null && echo 1)
export CADENZA_PORTAUDIO := $(shell pkg-config --exists portaudio-2.0 2>/dev/null && echo 1)

engine_sources := Package.swift include/cadenza.h \
  $(shell find Sources/Cadenza Sources/CadenzaC Sources/CadenzaKernels -type f -not -path '*.docc/*' 2>/dev/null)
cli_sources := $(engine_sources) $(shell find Sources/cadenza-cli Sources/CadenzaMidi Sources/CSndfile Sources/CFluidsynth \
  Sources/CPortAudio -type f 2>/dev/null)

.PHONY: help
help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

# ---- What a fresh Debian machine lacks -------------------------------------------------------------------------------------

.PHONY: need-demo need-test need-training
need-demo:
	@./.ci/need swift libc binutils cc pkg-config sndfile
need-test:
	@./.ci/need swift libc binutils gcc g++ pkg-config sndfile fluidsynth portaudio cmake python3 venv lv2 lv2-hosts doxygen \
	  dpkg-dev fakeroot lintian qemu arm64
need-training:
	@./.ci/need swift libc binutils cc pkg-config sndfile python3 venv

# ---- The library that ships -----------------------------------------------------------------------------------------------

.PHONY: library
library: $(LIB)/libcadenza.so $(LIB)/libcadenza.a
	@printf '%s: %s bytes, needs %s\n' $(SO) "$$(stat -c %s $(SO))" \
	  "$$(readelf -d $(SO) | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | paste -sd ' ')"

embedded_build := CADENZA_EMBEDDED=1 swift build -c release --scratch-path $(EMBEDDED) --disable-local-rpath

# One product at a time: `swift build` takes one. The second finds everything compiled.
$(EMBEDDED)/built: $(engine_sources)
	$(embedded_build) --product cadenza
	$(embedded_build) --product cadenza_static
	@touch $@

$(SO): $(EMBEDDED)/built
	@mkdir -p $(LIB)
	strip --strip-unneeded -o $@ $(EMBEDDED)/release/libcadenza.so

$(LIB)/libcadenza.so: $(SO)
	@ln -sfn $(notdir $(SO)) $(LIB)/libcadenza.so.$(ABI)
	@ln -sfn libcadenza.so.$(ABI) $@

# All objects become one, in which every name but the header's is private: the archive carries its own Embedded Swift runtime and
# can stand beside another library that does.
$(LIB)/libcadenza.a: $(SO)
	@nm -D --defined-only --format=posix $(SO) | cut -d ' ' -f 1 >$(LIB)/exports.txt
	ld -r --gc-sections --force-group-allocation $$(sed 's/^/-u /' $(LIB)/exports.txt) \
	  --whole-archive $(EMBEDDED)/release/libcadenza_static.a -o $(LIB)/cadenza.o
	objcopy --keep-global-symbols=$(LIB)/exports.txt --strip-unneeded \
	  --remove-section .swift1_autolink_entries --remove-section .comment $(LIB)/cadenza.o
	@rm -f $@
	ar rcsD $@ $(LIB)/cadenza.o
	@rm -f $(LIB)/cadenza.o $(LIB)/exports.txt

# ---- The command ------------------------------------------------------------------------------------------------------------

# The command is built again when libfluidsynth or PortAudio has come or gone.
fluidsynth_state := $(BUILD)/fluidsynth-$(if $(CADENZA_FLUIDSYNTH),found,missing)
portaudio_state := $(BUILD)/portaudio-$(if $(CADENZA_PORTAUDIO),found,missing)
$(fluidsynth_state) $(portaudio_state): $(BUILD)/%:
	@mkdir -p $(BUILD)
	@rm -f $(BUILD)/$(firstword $(subst -, ,$*))-*
	@touch $@

.PHONY: command
command: $(CLI)
$(CLI): $(cli_sources) $(fluidsynth_state) $(portaudio_state)
	swift build -c release --scratch-path $(BUILD) --static-swift-stdlib --disable-local-rpath --product cadenza
	@touch $@

# ---- The demo ---------------------------------------------------------------------------------------------------------------

examples := $(BUILD)/examples/generate $(BUILD)/examples/compose $(BUILD)/examples/instrument
$(examples): $(BUILD)/examples/%: Examples/c/%.c include/cadenza.h $(LIB)/libcadenza.so
	@mkdir -p $(@D)
	$(CC) -std=c99 -Wall -Wextra $(CFLAGS) -Iinclude $< -o $@ \
	  $$(pkg-config --cflags --libs sndfile) -L$(LIB) -lcadenza '-Wl,-rpath,$$ORIGIN/../lib' -lm

# The model that the demo plays. `make demo MODEL=another.safetensors` plays another, under its default conditions.
shipped := Examples/models/notes-wavenet.safetensors
MODEL ?= $(shipped)
DEMO_WAV ?= demo.wav
DEMO_SECONDS := 4
DEMO_INSTRUMENT := electric_piano
DEMO_PITCH := 64
demo_conditions = $(if $(filter $(shipped),$(MODEL)),instrument=$(DEMO_INSTRUMENT) pitch=$(DEMO_PITCH))

# The composer whose chorale the demo writes, and how the shipped instrument plays it: on the electric piano, which is in tune from
# alto to soprano, and the bass on the electric bass.
COMPOSER ?= Examples/models/chorales.safetensors
CHORALE_WAV ?= chorale.wav
CHORALE_MID ?= chorale.mid
NEURAL := Examples/models/notes-cvae.safetensors
NEURAL_WAV ?= instrument.wav
CHORALE_TEMPO := 90
CHORALE_SECONDS := 60
chorale_options := --seconds $(CHORALE_SECONDS) --tempo $(CHORALE_TEMPO) --seed 1 --instrument-temperature 0.4 \
  --instrument instrument=electric_piano --voice 3:instrument=electric_bass

.PHONY: demo
demo: need-demo
	@$(MAKE) --no-print-directory library $(examples)
	$(BUILD)/examples/generate $(MODEL) $(DEMO_WAV) --seconds $(DEMO_SECONDS) --seed 1 $(demo_conditions)
	$(BUILD)/examples/compose $(COMPOSER) $(shipped) $(CHORALE_WAV) $(CHORALE_MID) $(chorale_options)
	$(BUILD)/examples/instrument $(NEURAL) $(CHORALE_MID) $(NEURAL_WAV) --seed 1 instrument=organ
	@echo "make demo: built the C library and the examples in Examples/c: generate let $(MODEL) play $(demo_conditions)" \
	  "for $(DEMO_SECONDS) seconds into $(DEMO_WAV); compose let $(COMPOSER) write a chorale into $(CHORALE_MID) while" \
	  "$(shipped) played it into $(CHORALE_WAV); instrument let $(NEURAL) play that file into $(NEURAL_WAV), its latent wandering." \
	  "Listen to them."

.PHONY: demo-value print
demo-value print:
	@echo $($(VALUE))

# ---- LV2 plugins --------------------------------------------------------------------------------------------------------------

# Each bundle holds the library and the shipped model: it may be copied anywhere. `make install` puts $(lv2_bundles) into lib/lv2.
lv2_root := $(BUILD)/lv2
lv2_bundles := $(lv2_root)/cadenza.lv2 $(lv2_root)/cadenza-generator.lv2
lv2_sources := Examples/lv2/sound.c Examples/lv2/player.c
lv2_compile = $(CC) -std=c11 -Wall -Wextra $(CFLAGS) -fPIC -fvisibility=hidden -Iinclude $$(pkg-config --cflags lv2)
lv2_link = -shared -pthread -s -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--version-script=Examples/lv2/exports.map $(LIB)/libcadenza.a -lm
lv2_fill = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@MINOR@|$(call header_number,MINOR)|g' -e 's|@PATCH@|$(call header_number,PATCH)|g'

.PHONY: need-lv2 lv2
need-lv2:
	@./.ci/need swift libc binutils cc pkg-config lv2
lv2: need-lv2
	@$(MAKE) --no-print-directory $(lv2_bundles)

$(lv2_root)/cadenza.lv2: lv2_folder := Examples/lv2/instrument
$(lv2_root)/cadenza-generator.lv2: lv2_folder := Examples/lv2/generator
$(lv2_root)/cadenza.lv2: $(wildcard Examples/lv2/instrument/*)
$(lv2_root)/cadenza-generator.lv2: $(wildcard Examples/lv2/generator/*)
$(lv2_bundles): $(lv2_sources) $(wildcard Examples/lv2/*.h) Examples/lv2/exports.map include/cadenza.h $(LIB)/libcadenza.a $(shipped)
	@rm -rf $@
	@mkdir -p $@
	$(lv2_compile) $(lv2_folder)/$(notdir $(lv2_folder)).c $(lv2_sources) -o $@/$(notdir $(lv2_folder)).so $(lv2_link)
	@for file in $(lv2_folder)/*.ttl; do install -m 644 "$$file" $@/; done
	@for file in $(lv2_folder)/*.ttl.in; do $(lv2_fill) "$$file" >$@/$$(basename "$$file" .in); done
	@install -m 644 $(shipped) LICENSE $@/

# ---- Tests --------------------------------------------------------------------------------------------------------------------

.PHONY: test
test: need-test
	@./Tests/run

# The package as a user installs it, editable, so that the tests run on these sources.
training_environment := $(BUILD)/training
$(training_environment)/installed: Training/pyproject.toml Training/constraints.txt
	python3 -m venv $(training_environment)
	$(training_environment)/bin/pip install --quiet --constraint Training/constraints.txt --editable './Training[development]'
	@touch $@

.PHONY: test-training
test-training: need-training
	@$(MAKE) --no-print-directory library command $(BUILD)/examples/generate $(training_environment)/installed
	cd Training && PATH="$(abspath $(training_environment))/bin:$(abspath $(BUILD))/release:$$PATH" \
	  CADENZA_LIBRARY="$(abspath $(LIB))/libcadenza.so" CADENZA_EXAMPLE="$(abspath $(BUILD))/examples/generate" \
	  OMP_NUM_THREADS=1 python -m pytest --quiet
	cd Training && $(abspath $(training_environment))/bin/ruff check --quiet . && $(abspath $(training_environment))/bin/ruff format --quiet --check .

.PHONY: test-oracle
test-oracle: need-test library
	@python3 Tests/oracle/differential.py --library $(LIB)/libcadenza.so

.PHONY: bench
bench: $(CLI)
	$(CLI) bench all $(wildcard Examples/models/*.safetensors)

# ---- Documentation ----------------------------------------------------------------------------------------------------------

.PHONY: docs
docs:
	@./.ci/need swift libc python3 doxygen
	docs/build-c $(BUILD)/docs/c
	docs/build-swift $(BUILD)/docs/swift
	@echo "make docs: $(BUILD)/docs/c/index.html; and python3 -m http.server --directory $(BUILD)/docs/swift," \
	  "then http://localhost:8000/Cadenza/documentation/cadenza"

.PHONY: manual
manual: command
	$(CLI) --experimental-dump-help | python3 docs/manual.py $(VERSION) >docs/cadenza.1

# ---- Install ------------------------------------------------------------------------------------------------------------------

include_dir = $(DESTDIR)$(PREFIX)/include
lib_dir = $(DESTDIR)$(LIBDIR)
cmake_dir = $(lib_dir)/cmake/Cadenza
pkgconfig_dir = $(lib_dir)/pkgconfig
bin_dir = $(DESTDIR)$(PREFIX)/bin
share_dir = $(DESTDIR)$(PREFIX)/share/cadenza
man_dir = $(DESTDIR)$(PREFIX)/share/man/man1
doc_dir = $(DESTDIR)$(PREFIX)/share/doc/cadenza
lv2_dir = $(lib_dir)/lv2
documents := README.md CHANGELOG.md LICENSE

# Every path a file lands on; `uninstall` takes exactly these.
installed = \
  "$(include_dir)/cadenza.h" \
  "$(lib_dir)/libcadenza.so.$(VERSION)" "$(lib_dir)/libcadenza.so.$(ABI)" "$(lib_dir)/libcadenza.so" "$(lib_dir)/libcadenza.a" \
  "$(cmake_dir)/CadenzaConfig.cmake" "$(cmake_dir)/CadenzaConfigVersion.cmake" \
  "$(pkgconfig_dir)/cadenza.pc" \
  "$(bin_dir)/cadenza" "$(man_dir)/cadenza.1" $(foreach document,$(documents),"$(doc_dir)/$(document)")

# Files of the LV2 bundles that were built, each behind its bundle's name; none is fine.
LV2 ?= $(BUILD)/lv2
bundled = { { cd "$(LV2)" 2>/dev/null && find . -path './*.lv2/*' -type f -print | LC_ALL=C sort; } || true; }

# The templates' places, filled in. Both files find the prefix from where they lie, so an installed tree may be moved.
fill = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@ABI@|$(ABI)|g' \
  -e 's|@LIBDIR@|$(subst $(PREFIX)/,,$(LIBDIR))|g' \
  -e 's|@PKGCONFIG_TO_PREFIX@|$(shell realpath -m --relative-to='$(LIBDIR)/pkgconfig' '$(PREFIX)')|g' \
  -e 's|@CMAKE_TO_PREFIX@|$(shell realpath -m --relative-to='$(LIBDIR)/cmake/Cadenza' '$(PREFIX)')|g'

.PHONY: install uninstall
install: library command
	install -d "$(include_dir)" "$(lib_dir)" "$(cmake_dir)" "$(pkgconfig_dir)" "$(bin_dir)" "$(share_dir)/models" \
	  "$(man_dir)" "$(doc_dir)/models"
	install -m 644 include/cadenza.h "$(include_dir)/"
	install -m 755 $(SO) "$(lib_dir)/"
	ln -sfn libcadenza.so.$(VERSION) "$(lib_dir)/libcadenza.so.$(ABI)"
	ln -sfn libcadenza.so.$(ABI) "$(lib_dir)/libcadenza.so"
	install -m 644 $(LIB)/libcadenza.a "$(lib_dir)/"
	$(fill) cmake/CadenzaConfig.cmake.in >"$(cmake_dir)/CadenzaConfig.cmake"
	$(fill) cmake/CadenzaConfigVersion.cmake.in >"$(cmake_dir)/CadenzaConfigVersion.cmake"
	$(fill) cmake/cadenza.pc.in >"$(pkgconfig_dir)/cadenza.pc"
	chmod 644 "$(cmake_dir)"/*.cmake "$(pkgconfig_dir)/cadenza.pc"
	install -m 755 $(CLI) "$(bin_dir)/cadenza"
	strip "$(bin_dir)/cadenza"
	install -m 644 docs/cadenza.1 "$(man_dir)/"
	install -m 644 $(documents) "$(doc_dir)/"
	for model in Examples/models/*.safetensors; do \
	  if [ -e "$$model" ]; then install -m 644 "$$model" "$(share_dir)/models/"; fi; done
	for card in Examples/models/*.md; do \
	  if [ -e "$$card" ]; then install -m 644 "$$card" "$(doc_dir)/models/"; fi; done
	$(bundled) | while read -r file; do install -D -m 644 "$(LV2)/$$file" "$(lv2_dir)/$$file"; \
	  case $$file in *.so) strip --strip-unneeded "$(lv2_dir)/$$file" ;; esac; done

uninstall:
	rm -f $(installed)
	for model in Examples/models/*.safetensors; do rm -f "$(share_dir)/models/$${model##*/}"; done
	for card in Examples/models/*.md; do rm -f "$(doc_dir)/models/$${card##*/}"; done
	$(bundled) | while read -r file; do rm -f "$(lv2_dir)/$$file"; \
	  (cd "$(lv2_dir)" && rmdir --parents "$$(dirname "$$file")") 2>/dev/null || true; done
	rmdir --ignore-fail-on-non-empty "$(lv2_dir)" "$(share_dir)/models" "$(share_dir)" "$(cmake_dir)" "$(doc_dir)/models" "$(doc_dir)" \
	  2>/dev/null || true

# ---- Packages -----------------------------------------------------------------------------------------------------------------

# The time that the packages' files bear: the last commit's, so that the same sources make the same bytes.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)

PACKAGES ?= $(BUILD)/packages

.PHONY: package
package: library command
	@./.ci/need binutils dpkg-dev
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) packaging/build-tarball "$(PACKAGES)"
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) packaging/build-debian "$(PACKAGES)"

# ---- Care of the sources ------------------------------------------------------------------------------------------------------

swift_sources := Package.swift Sources Tests Examples/swift
c_sources := $(shell find include Sources Tests Examples \( -name '*.c' -o -name '*.h' -o -name '*.inc' \) 2>/dev/null)

.PHONY: format lint clean
format:
	swift format --in-place --parallel --recursive $(swift_sources)
	@if command -v clang-format >/dev/null; then clang-format -i $(c_sources); \
	 else echo "clang-format is not installed: the C sources stay as they are"; fi

lint:
	swift format lint --strict --parallel --recursive $(swift_sources)
	@if command -v clang-format >/dev/null; then clang-format --dry-run --Werror $(c_sources); \
	 else echo "clang-format is not installed: the C sources were not checked"; fi

clean:
	rm -rf $(BUILD) demo.wav chorale.wav chorale.mid instrument.wav
