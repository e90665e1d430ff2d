// Device memory between guard pages. An allocation ends at a page that cannot be touched, so that the
// first byte too far faults; freed memory is never used again and faults as well. What lies between
// a page's start and the allocation's start is checked when it is freed.
#include <string.h>
#include <sys/mman.h>

#include <map>

#include "emulator.h"

namespace emulator {
namespace {

constexpr size_t PAGE = 4096;
constexpr size_t ALIGNMENT = 16; // less than CUDA's 256, so that the end is nearly exact
constexpr size_t RESERVED = (size_t)1 << 40;
constexpr size_t POISONED = (size_t)64 << 20; // larger memory is not filled, to save time
constexpr unsigned char CANARY = 0xA5;

struct Allocation {
  uintptr_t start; // what the caller got
  size_t bytes;
  uintptr_t pages;
  size_t pageBytes;
  bool live;
  long number;
};

struct Memory {
  uintptr_t base = 0;
  uintptr_t next = 0;
  size_t used = 0;
  size_t live = 0;
  long number = 0;
  std::map<uintptr_t, Allocation> all; // by pages
  std::map<uintptr_t, size_t> host;
};

Memory& memory() {
  static auto* m = new Memory();
  return *m;
}

const Allocation* nearest(uintptr_t address) {
  auto after = memory().all.upper_bound(address);
  if (after == memory().all.begin()) {
    return nullptr;
  }
  return &std::prev(after)->second;
}

bool canariesLive(const Allocation& a) {
  for (uintptr_t at = a.pages; at < a.start; at++) {
    if (*(unsigned char*)at != CANARY) {
      return false;
    }
  }
  for (uintptr_t at = a.start + a.bytes; at < a.pages + a.pageBytes; at++) {
    if (*(unsigned char*)at != CANARY) {
      return false;
    }
  }
  return true;
}

std::string name(const Allocation& a) {
  return "allocation " + std::to_string(a.number) + " of " + std::to_string(a.bytes) + " bytes";
}

CUresult close(Allocation& a) {
  bool whole = canariesLive(a);
  mprotect((void*)a.pages, a.pageBytes, PROT_NONE);
  madvise((void*)a.pages, a.pageBytes, MADV_DONTNEED);
  a.live = false;
  memory().used -= a.bytes;
  memory().live--;
  if (!whole) {
    report("memory just before or after " + name(a) + " was written");
    makeSticky(CUDA_ERROR_ILLEGAL_ADDRESS);
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  }
  return CUDA_SUCCESS;
}

}  // namespace

CUresult allocate(CUdeviceptr* out, size_t bytes) {
  Memory& m = memory();
  if (bytes == 0 || !out) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (fails("fail_alloc_at") || bytes > (size_t)setting("memory") - m.used) {
    report("out of memory: " + std::to_string(bytes) + " bytes asked for, " +
           std::to_string(m.used) + " of " + std::to_string(setting("memory")) + " in use");
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  size_t pageBytes = (bytes + PAGE - 1) / PAGE * PAGE;
  if (m.base == 0 || m.next + pageBytes + 2 * PAGE > m.base + RESERVED) {
    void* fresh = mmap(
        nullptr, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED) {
      return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m.base = m.next = (uintptr_t)fresh;
  }
  uintptr_t pages = m.next + PAGE;
  if (mprotect((void*)pages, pageBytes, PROT_READ | PROT_WRITE)) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  m.next = pages + pageBytes; // the page after it is the guard of this one and of the next
  uintptr_t start = (pages + pageBytes - bytes) / ALIGNMENT * ALIGNMENT;
  if (bytes <= POISONED) {
    memset((void*)start, 0xFF, bytes); // NaN, so that what was never written shows
  }
  memset((void*)pages, CANARY, start - pages);
  memset((void*)(start + bytes), CANARY, pages + pageBytes - start - bytes);
  m.all[pages] = Allocation{start, bytes, pages, pageBytes, true, ++m.number};
  m.used += bytes;
  m.live++;
  *out = start;
  return CUDA_SUCCESS;
}

CUresult release(CUdeviceptr pointer) {
  if (pointer == 0) {
    return CUDA_SUCCESS;
  }
  const Allocation* a = nearest(pointer);
  if (!a || a->start != pointer || !a->live) {
    report("cuMemFree of " + describe(pointer));
    return CUDA_ERROR_INVALID_VALUE;
  }
  return close(memory().all[a->pages]);
}

void releaseAll() {
  for (auto& [pages, a] : memory().all) {
    if (a.live) {
      close(a);
    }
  }
}

size_t used() { return memory().used; }

size_t liveAllocations() { return memory().live; }

bool inside(CUdeviceptr pointer, size_t bytes, std::string* why) {
  const Allocation* a = nearest(pointer);
  if (a && a->live && pointer >= a->start && pointer - a->start <= a->bytes &&
      bytes <= a->bytes - (pointer - a->start)) {
    return true;
  }
  *why = std::to_string(bytes) + " bytes at " + describe(pointer);
  return false;
}

std::string describe(uintptr_t address) {
  const Allocation* a = nearest(address);
  if (!a || !onDevice(address)) {
    char text[64];
    snprintf(text, sizeof text, "address %#lx, which is no device memory", (unsigned long)address);
    return text;
  }
  long long offset = (long long)(address - a->start);
  std::string of = (a->live ? "" : "freed ") + name(*a);
  if (offset < 0) {
    return std::to_string(-offset) + " bytes before " + of;
  }
  if ((size_t)offset >= a->bytes) {
    return std::to_string(offset - (long long)a->bytes) + " bytes after the end of " + of;
  }
  return "byte " + std::to_string(offset) + " of " + of;
}

bool onDevice(uintptr_t address) {
  return memory().base != 0 && address >= memory().base && address < memory().base + RESERVED;
}

CUresult allocateHost(void** out, size_t bytes) {
  if (bytes == 0 || !out) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  size_t pageBytes = (bytes + PAGE - 1) / PAGE * PAGE;
  void* pages = mmap(
      nullptr, pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  memory().host[(uintptr_t)pages] = pageBytes;
  *out = pages;
  return CUDA_SUCCESS;
}

CUresult releaseHost(void* pointer) {
  auto found = memory().host.find((uintptr_t)pointer);
  if (found == memory().host.end()) {
    report("cuMemFreeHost of memory that cuMemAllocHost did not give");
    return CUDA_ERROR_INVALID_VALUE;
  }
  munmap(pointer, found->second);
  memory().host.erase(found);
  return CUDA_SUCCESS;
}

bool pinned(const void* pointer, size_t bytes) {
  uintptr_t at = (uintptr_t)pointer;
  auto after = memory().host.upper_bound(at);
  if (after == memory().host.begin()) {
    return false;
  }
  auto& [start, size] = *std::prev(after);
  return at + bytes <= start + size;
}

}  // namespace emulator
