# Sourced by the tests of what is installed and packaged: builds strangers' projects against it and compares what they play.
#
#   remember_sound COMMAND        lets this command play what the projects play: $scratch/expected.raw, which is no silence
#   consume NAME PREFIX LIBDIR    the projects of Tests/install/consumer with CMake and pkg-config, C and C++, shared and static

consumed_model=$PWD/Examples/models/notes-wavenet.safetensors

# 1,600 samples, 0.1 s; the loudest is beyond a hundredth of full scale.
remember_sound() {
  "$1" generate "$consumed_model" --seconds 0.1 --seed 5 --raw --format float --quiet -o - >"$scratch/expected.raw" &&
    [ "$(stat -c %s "$scratch/expected.raw")" -eq 6400 ] && is_loud "$scratch/expected.raw"
}
is_loud() {
  od -An -v -tf4 -w4 "$1" | awk '{ if ($1 < 0) $1 = -$1; if ($1 > loudest) loudest = $1 }
    END { print "the loudest sample is", loudest; exit !(loudest > 0.01) }'
}

plays_so() { # PROGRAM: the same bits as the command's
  local program=$1
  "$program" "$consumed_model" | cmp - "$scratch/expected.raw"
}

# (Not `grep -q`: it leaves at the first match, and the writer's broken pipe would count as a failure.)
links_library() { ldd "$1" | grep libcadenza >/dev/null; }

with_cmake() { # SOURCE BUILD PREFIX
  cmake -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=$3" && cmake --build "$2" -j 2
}

with_pkg_config() { # COMPILER SOURCE OUTPUT LIBDIR [OPTION]: OPTION is pkg-config's; --static links all statically
  local flags static=
  [ "${5:-}" != --static ] || static=-static
  flags=$(PKG_CONFIG_PATH="$4/pkgconfig" pkg-config ${5:+"$5"} --cflags --libs cadenza) || return
  eval "$1 -Wall -Wextra -Werror '$2' -o '$3' $static $flags '-Wl,-rpath,$4'" # eval: a path may hold an escaped space
}

# Nothing else answers for the library: it is the one below this folder.
found_below() { ldd "$1" | grep -F "libcadenza.so" | grep -F -- "$2" >/dev/null; }

consume() {
  local name=$1 prefix=$2 libdir=$3 build="$scratch/$1 build" kind
  check "$name: projects in C and C++ build with CMake" with_cmake Tests/install/consumer "$build" "$prefix"
  for kind in c-shared cpp-shared c-static cpp-static; do
    check "$name: $kind plays what the command plays" plays_so "$build/$kind"
  done
  check "$name: c-shared is linked to the library there" found_below "$build/c-shared" "$libdir/"
  check_refused "$name: control: c-static is not" "" links_library "$build/c-static"

  check "$name: a C program builds with pkg-config" \
    with_pkg_config "gcc -std=c99" Tests/install/consumer/consumer.c "$build/pc-c" "$libdir"
  check "$name: it plays the same" plays_so "$build/pc-c"
  check "$name: a C++ program builds with pkg-config" \
    with_pkg_config "g++ -std=c++11" Tests/install/consumer/consumer.cpp "$build/pc-cpp" "$libdir"
  check "$name: it plays the same" plays_so "$build/pc-cpp"
  check "$name: a C program builds with pkg-config --static" \
    with_pkg_config "gcc -std=c99" Tests/install/consumer/consumer.c "$build/pc-c-static" "$libdir" --static
  check "$name: it plays the same" plays_so "$build/pc-c-static"
  check "$name: a C++ program builds with pkg-config --static" \
    with_pkg_config "g++ -std=c++11" Tests/install/consumer/consumer.cpp "$build/pc-cpp-static" "$libdir" --static
  check "$name: it plays the same" plays_so "$build/pc-cpp-static"
  check_refused "$name: control: it needs no library at all" "" ldd "$build/pc-cpp-static"
}
