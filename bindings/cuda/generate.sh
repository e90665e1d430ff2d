#!/usr/bin/env bash
# Generates main/generated from the headers of CUDA 13 and cuDNN 9 by an installed jextract
# (https://github.com/openjdk/jextract, built from its sources). What it writes is committed and never edited.
#
#   CUDA_INCLUDE   folders with cuda.h, cublas_v2.h, nvrtc.h and cudnn.h, separated by colons
#   JEXTRACT       the program; default jextract
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

IFS=: read -r -a folders <<<"${CUDA_INCLUDE:-/usr/local/cuda/include}"
includes=()
for folder in "${folders[@]}"; do includes+=(-I "$folder"); done

header() { # the first folder that has it
  for folder in "${folders[@]}"; do
    [ -f "$folder/$1" ] && { printf '%s' "$folder/$1"; return; }
  done
  printf 'generate.sh: no %s in %s; set CUDA_INCLUDE to the folders of CUDA 13 and cuDNN 9\n' "$1" "${folders[*]}" >&2
  return 1
}

# No -l: a library that a class opens by itself would be opened, or missing, the moment the class is touched.
# The wrapper loads what it found and the classes look their functions up there, each at its first call.
generate() { # generate HEADER PACKAGE CLASS FILTER
  local file
  file=$(header "$1")
  "${JEXTRACT:-jextract}" "${includes[@]}" --output main/generated \
    --target-package "llada.cuda.$2" --header-class-name "$3" "@filters/$4" "$file"
}

rm -rf main/generated
generate cuda.h driver CudaDriver cuda.txt
generate cublas_v2.h cublas CuBlas cublas.txt
generate cudnn.h cudnn CuDnn cudnn.txt
generate nvrtc.h nvrtc Nvrtc nvrtc.txt
