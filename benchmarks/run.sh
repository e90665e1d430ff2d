#!/usr/bin/env bash
# Builds what has changed and runs the benchmarks.
#   benchmarks/run.sh                        everything: the baseline, at most 25 minutes; goes into the history too
#   benchmarks/run.sh Matmul -p tokens=256   an experiment: arguments go to JMH, results to benchmarks/target/run
#   benchmarks/run.sh plot REGEX             the history of the ops whose names match, as benchmarks/history.svg
set -eu
here=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$here"
source ./src/cli/main/shell/find-jdk
java_home=$(find_jdk 25) || { echo "no JDK 25 or newer found: set JAVA_HOME to one" >&2; exit 1; }

built=benchmarks/target/run.built
changed() { find pom.xml {src/core,src/train,benchmarks}/{pom.xml,main} -newer "$built" -print | head -n 1; }
if [ ! -e "$built" ] || [ -n "$(changed)" ]; then
  JAVA_HOME=$java_home mvn -q -B -ntp -Dllada.quick -Dmaven.test.skip=true -Dspotless.check.skip=true -pl benchmarks -am package
  touch "$built"
fi
java() {
  "$java_home/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
    -cp "benchmarks/target/classes:benchmarks/target/lib/*" "$@"
}

history=benchmarks/history.jsonl
if [ "${1:-}" = plot ]; then
  java llada.benchmarks.History plot "$history" benchmarks/history.svg "${2:-.}"
  exit
fi

out=benchmarks/target/run
mkdir -p "$out" benchmarks/baselines
arguments=("$@")
if [ $# -eq 0 ]; then # short iterations: a baseline that takes hours is never made
  arguments=(-f 1 -wi 2 -w 200ms -i 3 -r 200ms -e 'Decoder|TrainingStep|ForwardPass' -p backend=scalar,vector,machine
    -p tokens=1,32,256 -p rows=1,32,256 -p block=0 -p weightShape=1024x4096)
fi
limit=()
[ $# -eq 0 ] && command -v timeout >/dev/null && limit=(timeout 1500)
JAVA_HOME=$java_home ${limit[@]+"${limit[@]}"} "$java_home/bin/java" --add-modules jdk.incubator.vector \
  --enable-native-access=ALL-UNNAMED -cp "benchmarks/target/classes:benchmarks/target/lib/*" org.openjdk.jmh.Main \
  -rf json -rff "$out/results.json" "${arguments[@]}"
# A baseline is compared on other machines: where this one keeps its JDK says nothing there.
sed -i.bak '/"jvm" :/d' "$out/results.json" && rm -f "$out/results.json.bak"
machine=$(grep -m 1 'model name' /proc/cpuinfo 2>/dev/null | sed 's/.*: //')
machine="${machine:-$(uname -m)}, $(getconf _NPROCESSORS_ONLN) processors"
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
{
  echo "$machine"
  sed -n 's/^IMPLEMENTOR_VERSION=/JDK: /p' "$java_home/release"
  echo "commit: $commit"
} >"$out/results.txt"
if [ $# -eq 0 ]; then
  cp "$out/results.json" "$out/results.txt" benchmarks/baselines/
  java llada.benchmarks.History append "$out/results.json" "$history" "$commit" "$machine"
else
  echo "results: $out (the baseline is left alone)"
fi
