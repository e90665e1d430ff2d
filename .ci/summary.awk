# The closing lines of a test run, from surefire's reports: a module's tests, and why some were skipped.
# A test that runs again at another vector width is reported once.
/<testcase / { tests++ }
/<skipped/ {
  skipped++
  reason = "no reason given"
  if (match($0, /message="[^"]*"/)) reason = substr($0, RSTART + 9, RLENGTH - 10)
  else if (match($0, /Exception: .*/)) reason = substr($0, RSTART + 11)
  sub(/^Assumption failed: /, "", reason)
  gsub(/&quot;/, "\"", reason); gsub(/&apos;/, "'", reason); gsub(/&#10;.*/, "", reason)
  gsub(/&lt;/, "<", reason); gsub(/&gt;/, ">", reason); gsub(/&amp;/, "\\&", reason)
  reasons[reason]++
}
END {
  printf "%s: %d tests, %d skipped\n", module, tests, skipped
  fflush()
  for (reason in reasons) printf "  %4d skipped: %s\n", reasons[reason], reason | "sort -rn"
}
