#!/usr/bin/env bash
# Builds and runs the benchmarks; arguments go to JMH: benchmarks/run.sh Matmul -p tokens=256
# A run of everything becomes the baseline, with the processor, JDK and commit in results.txt beside it; a run with
# arguments is an experiment and goes to benchmarks/target.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$here"
source ./src/cli/main/shell/find-jdk
java_home=$(find_jdk 25) || { echo "no JDK 25 or newer found: set JAVA_HOME to one" >&2; exit 1; }
JAVA_HOME=$java_home mvn -q -B -ntp -DskipTests -Dspotless.check.skip=true package
out=benchmarks/target/run
mkdir -p "$out" benchmarks/baselines
"$java_home/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
  -cp "benchmarks/target/classes:benchmarks/target/lib/*" org.openjdk.jmh.Main \
  -rf json -rff "$out/results.json" "$@"
# A baseline is compared on other machines: where this one keeps its JDK says nothing there.
sed -i.bak '/"jvm" :/d' "$out/results.json" && rm -f "$out/results.json.bak"
{
  grep -m 1 'model name' /proc/cpuinfo 2>/dev/null || uname -m
  echo "processors: $(getconf _NPROCESSORS_ONLN)"
  sed -n 's/^IMPLEMENTOR_VERSION=/JDK: /p' "$java_home/release"
  echo "commit: $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
} >"$out/results.txt"
if [ $# -eq 0 ]; then
  cp "$out/results.json" "$out/results.txt" benchmarks/baselines/
else
  echo "results: $out (the baseline is left alone)"
fi
