# Sourced by the shell tests: one line for each test, and a count at the end.
#
#   check NAME COMMAND …          passes where the command succeeds; its output is shown only where it fails
#   check_refused NAME TEXT COMMAND …   passes where the command fails and says TEXT: for controls
#   program COMMAND …             runs a test program (Tests/c/check.h), shows and counts its lines
#   tally                         prints "N passed, M failed" and ends the script

passed=0
failed=0

pass() {
  passed=$((passed + 1))
  echo "ok   $1"
}

fail() {
  failed=$((failed + 1))
  echo "FAIL $1"
}

check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    pass "$name"
  else
    printf '%s\n' "$output" | tail -n 40 | sed 's/^/     /'
    fail "$name"
  fi
}

check_refused() {
  local name=$1 text=$2 output
  shift 2
  if output=$("$@" 2>&1); then
    echo "     succeeded, and should not have: $*"
    fail "$name"
  elif [[ $output == *"$text"* ]]; then
    pass "$name"
  else
    printf '     does not say "%s":\n%s\n' "$text" "$(printf '%s\n' "$output" | tail -n 40)"
    fail "$name"
  fi
}

program() {
  local log status=0
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" | grep -v '^finished$' || true
  status=${PIPESTATUS[0]}
  passed=$((passed + $(grep -c '^ok ' "$log" || true)))
  local bad
  bad=$(grep -c '^FAIL ' "$log" || true)
  failed=$((failed + bad))
  if ! grep -q '^finished$' "$log"; then
    fail "$(basename "$1") ended early, with status $status"
  elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    fail "$(basename "$1") ended with status $status"
  fi
  rm -f "$log"
}

tally() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}
