// Failures on request: by environment variables, or by emulatorSet from a test.
#include <stdio.h>
#include <stdlib.h>

#include <map>
#include <string>

#include "emulator.h"

namespace emulator {
namespace {

struct Setting {
  long long fallback;
  long long value;
  long long count;
};

std::map<std::string, Setting> defaults() {
  std::map<std::string, Setting> all = {
      {"devices", {1, 0, 0}},                // how many GPUs there are
      {"memory", {8LL << 30, 0, 0}},         // bytes of a GPU
      {"compute_capability", {90, 0, 0}},    // 10 * major + minor
      {"fail_init", {0, 0, 0}},              // cuInit returns this error
      {"fail_alloc_at", {0, 0, 0}},          // the n-th cuMemAlloc from now finds no memory
      {"fail_launch_at", {0, 0, 0}},         // the n-th kernel from now breaks off
      {"fail_copy_at", {0, 0, 0}},           // the n-th copy from now breaks off
      {"fail_gemm_at", {0, 0, 0}},           // the n-th matrix product from now is refused
      {"lose_device_at", {0, 0, 0}},         // the GPU is gone at the n-th kernel from now
      {"fail_compile_at", {0, 0, 0}},        // the n-th compilation from now fails
      {"verbose", {0, 0, 0}},                // faults are told on stderr as well
  };
  for (auto& [name, setting] : all) {
    std::string variable = "LLADA_EMULATOR_" + name;
    for (char& c : variable) {
      c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    const char* given = getenv(variable.c_str());
    setting.value = given ? strtoll(given, nullptr, 10) : setting.fallback;
  }
  return all;
}

std::map<std::string, Setting>& settings() {
  static auto* all = new std::map<std::string, Setting>(defaults());
  return *all;
}

std::string& lastReport() {
  static auto* text = new std::string();
  return *text;
}

}  // namespace

std::recursive_mutex& lock() {
  static auto* mutex = new std::recursive_mutex(); // outlives everything that may still call
  return *mutex;
}

long long setting(const char* name) { return settings().at(name).value; }

bool fails(const char* name) {
  Setting& setting = settings().at(name);
  return setting.value > 0 && ++setting.count == setting.value;
}

void report(const std::string& message) {
  lastReport() = message;
  if (setting("verbose")) {
    fprintf(stderr, "CUDA emulator: %s\n", message.c_str());
  }
}

}  // namespace emulator

using namespace emulator;

// For tests. 0, or -1 for a name that is no setting.
extern "C" EMULATOR_API int emulatorSet(const char* name, long long value) {
  std::lock_guard<std::recursive_mutex> hold(lock());
  auto found = settings().find(name);
  if (found == settings().end()) {
    return -1;
  }
  found->second.value = value;
  found->second.count = 0;
  return 0;
}

// What went wrong last; "" if nothing did.
extern "C" EMULATOR_API const char* emulatorReport() { return lastReport().c_str(); }

// A new GPU: nothing allocated, no fault, the settings of the environment.
extern "C" EMULATOR_API void emulatorReset() {
  std::lock_guard<std::recursive_mutex> hold(lock());
  forgetStreams();
  releaseAll();
  makeSticky(CUDA_SUCCESS);
  lastReport().clear();
  settings() = defaults();
}

extern "C" EMULATOR_API long long emulatorLiveAllocations() {
  std::lock_guard<std::recursive_mutex> hold(lock());
  return (long long)liveAllocations();
}

namespace {

std::map<std::string, long long>& counts() {
  static auto* all = new std::map<std::string, long long>();
  return *all;
}

}  // namespace

void emulator::count(const char* what) { counts()[what]++; }

// How many copies, graphs, kernels or synchronisations were asked for in this process.
extern "C" EMULATOR_API long long emulatorCount(const char* what) {
  std::lock_guard<std::recursive_mutex> hold(lock());
  return counts()[what];
}
