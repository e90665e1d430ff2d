#!/usr/bin/env python3
"""Compiles every kernel with NVRTC, as a user's machine does: nvrtc.py ARCHITECTURE...

The library is looked for in LLADA_CUDA_PATH, by the loader, and in Python wheels. Needs no GPU. A warning is a failure.
"""

import ctypes
import glob
import os
import pathlib
import site
import sys


def library():
    """NVRTC, with its builtins loaded first so that it finds them; None if there is none."""
    folders = [f for f in os.environ.get("LLADA_CUDA_PATH", "").split(":") if f]
    folders += ["", "/usr/local/cuda/lib64"]
    for packages in [*site.getsitepackages(), site.getusersitepackages()]:
        folders += sorted(glob.glob(packages + "/nvidia/*/lib"))
    for folder in folders:
        try:
            for builtins in glob.glob(os.path.join(folder, "libnvrtc-builtins.so*")) if folder else []:
                ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(os.path.join(folder, "libnvrtc.so.13"))
        except OSError:
            continue
    return None


def compile_kernel(nvrtc, file, headers, architecture):
    """The compiler's log; raises if it fails."""
    program = ctypes.c_void_p()
    count = len(headers)
    texts = (ctypes.c_char_p * count)(*(h.read_bytes() for h in headers))
    names = (ctypes.c_char_p * count)(*(h.name.encode() for h in headers))
    result = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), file.read_bytes(), file.name.encode(), count, texts, names)
    if result:
        raise RuntimeError(f"nvrtcCreateProgram gave {result}")
    options = [f"--gpu-architecture=sm_{architecture}".encode(), b"--std=c++17"]
    result = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    bytes_ = ctypes.c_size_t()
    empty = not result and (nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(bytes_)) or bytes_.value < 100)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    text = log.value.decode().strip()
    if result or empty:
        raise RuntimeError(f"nvrtcCompileProgram gave {result}\n{text}")
    return text


def main(architectures):
    nvrtc = library()
    if nvrtc is None:
        print("native: no libnvrtc.so.13 here (LLADA_CUDA_PATH names folders with one): kernels not compiled by NVRTC")
        return 0
    folder = pathlib.Path(__file__).parent / "cuda"
    headers = sorted(folder.glob("*.cuh"))
    bad = 0
    kernels = sorted(folder.glob("*.cu"))
    for architecture in architectures:
        for file in kernels:
            try:
                log = compile_kernel(nvrtc, file, headers, architecture)
            except RuntimeError as error:
                log = str(error)
            if log:
                bad += 1
                print(f"{file.name}, sm_{architecture}: {log}", file=sys.stderr)
    print(f"NVRTC: {len(kernels)} files for {', '.join('sm_' + a for a in architectures)}, {bad} with warnings or errors")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["80", "90", "120"]))
