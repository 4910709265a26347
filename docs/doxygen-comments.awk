# Turns the plain comments of include/cadenza.h into doxygen's, so that the header itself needs no marks. `make docs` runs it as
# doxygen's INPUT_FILTER.
#
#   the first comment              the file's own: its code and its lists become doxygen's
#   /* ---- Streams ---- */        a group, up to the next
#   a comment, then a declaration  that declaration's; a declaration right below another one without a comment shares its comment
#   a comment, then an empty line  the group's
#   a comment behind something     that thing's
#
# Errors and threads, which comments state at their end, become paragraphs of their own. What has no comment stays so: doxygen
# complains about it.

# Text without what doxygen or HTML would take for a mark; `words` in backticks are code.
function plain(text, out) {
  gsub(/[\\@<>&#%]/, "\\\\&", text)
  while (match(text, /`[^`\n]+`/)) {
    out = out substr(text, 1, RSTART - 1) "<tt>" substr(text, RSTART + 1, RLENGTH - 2) "</tt>"
    text = substr(text, RSTART + RLENGTH)
  }
  return out text
}

# The text of a comment, without its marks.
function inside(comment) {
  sub(/^[ \t]*\/\*[ \t]*/, "", comment)
  sub(/[ \t]*\*\/[ \t]*$/, "", comment)
  return comment
}

# A comment's text as doxygen's, with paragraphs for errors and threads.
function paragraphs(text) {
  text = plain(text)
  gsub(/\n[ \t]*Errors: /, "\n@par Errors\n", text)
  sub(/^Errors: /, "@par Errors\n", text)
  gsub(/ Errors: /, "\n@par Errors\n", text)
  if (match(text, /[ \n\t]+(\[(any|main|audio)-thread\] ?)+(, but not the audio thread: [^.]*)?\.?$/)) {
    threads = substr(text, RSTART)
    text = substr(text, 1, RSTART - 1)
    sub(/^[ \n\t]+/, "", threads)
    text = text "\n@par Threads\n" threads
  }
  return text
}

# The file's comment: "Title" over dashes is a section, lines that are set in are code before the first section and items after it.
function file_comment(comment, count, lines, i, line, out, in_code, section) {
  count = split(comment, lines, "\n")
  out = "@file\n@mainpage Cadenza\n"
  for (i = 1; i <= count; i++) {
    line = lines[i]
    sub(/^ \* ?/, "", line)
    if (lines[i + 1] ~ /^ \* -+$/) {
      section++
      out = out "\n@section section_" section " " plain(line) "\n"
      i++
      continue
    }
    if (!section && line ~ /^  [^ ]/) {
      if (!in_code) out = out "@code{.c}\n"
      in_code = 1
      out = out substr(line, 3) "\n"
      continue
    }
    if (in_code) out = out "@endcode\n"
    in_code = 0
    if (line ~ /^  \[[a-z]+-thread\]/) {
      match(line, /\[[a-z]+-thread\]/)
      line = "- <b>" substr(line, RSTART, RLENGTH) "</b> " plain(substr(line, RSTART + RLENGTH))
    } else if (line ~ /^  [^ ]/) {
      line = (line ~ /^  [A-Z][^.]*: / ? "- " : "  ") plain(substr(line, 3))
    } else if (line ~ /^[A-Z][a-z]+\. /) {
      # A paragraph that begins with what it is about.
      match(line, /^[A-Z][a-z]+\./)
      line = "\n<b>" substr(line, 1, RLENGTH) "</b>" plain(substr(line, RLENGTH + 1))
    } else {
      # An item ends where the margin does.
      if (line !~ /^ / && lines[i - 1] ~ /^ \*   *[^ ]/) out = out "\n"
      line = plain(line)
    }
    out = out line "\n"
  }
  return out
}

# The name that a declaration declares: the last word before "(", or before ";", or behind "#define" or "struct".
function declared(line) {
  if (line ~ /^#define /) { sub(/^#define /, "", line); sub(/[ (].*/, "", line); return line }
  if (line ~ /\(/) sub(/\(.*/, "", line)
  sub(/[; {]*$/, "", line)
  sub(/.*[ *]/, "", line)
  return line
}

function close_group() {
  if (group != "") print "/** @} */"
  group = ""
}

# Reads the rest of a comment that begins in `line`.
function whole(line) {
  while (line !~ /\*\//) {
    if ((getline more) <= 0) break
    line = line "\n" more
  }
  return line
}

BEGIN { shared = "" }

# The next line may have been read already.
{
  line = $0
  do {
    again = 0
    if (line ~ /^\/\* ---- .* -+ \*\/$/) {
      close_group()
      title = line
      sub(/^\/\* ---- /, "", title)
      sub(/ -+ \*\/$/, "", title)
      group = tolower(title)
      gsub(/[^a-z]+/, "_", group)
      print "/** @defgroup " group " " title
      print "    @{ */"
      shared = ""
    } else if (line ~ /^[ \t]*\/\*/) {
      match(line, /^[ \t]*/)
      margin = substr(line, 1, RLENGTH)
      comment = whole(line)
      has_next = (getline following) > 0
      if (!begun) {
        print "/** " file_comment(inside(comment)) "*/"
        begun = 1
      } else if (group == "") {
        print comment
      } else if (!has_next || following ~ /^[ \t]*$/) {
        print "/** @} */"
        print "/** @addtogroup " group
        print "    " paragraphs(inside(comment))
        print "    @{ */"
      } else {
        print margin "/** " paragraphs(inside(comment)) " */"
        shared = margin == "" ? "?" : ""
      }
      if (has_next) {
        line = following
        again = 1
      }
    } else if (match(line, /[^ \t].*[^ \t][ \t]*\/\*/)) {
      code = line
      sub(/[ \t]*\/\*.*/, "", code)
      comment = whole(substr(line, length(code) + 1))
      print code " /**< " plain(inside(comment)) " */"
    } else {
      if (line ~ /^(CADENZA_API|typedef|#define) /) {
        # What stands right below a declaration that has a comment, and has none itself, shares it.
        if (shared == "?") shared = declared(line)
        else if (shared != "") print "/** @copydoc " shared " */"
      } else if (line !~ /^[ \t]+[^ \t]/) shared = ""
      if (line ~ /^#ifdef __cplusplus/ && group != "") close_group()
      print line
    }
  } while (again)
}

END { close_group() }
