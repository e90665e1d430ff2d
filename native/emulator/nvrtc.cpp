// libnvrtc.so.13: "compiles" the sources that the emulator was built from, and no others.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

#include "image.h"
#include "sources.h"

using namespace emulator;

struct nvrtcProgramObject {
  std::string source;
  std::string name;
  std::vector<std::pair<std::string, std::string>> headers; // name, text
  std::string log;
  std::string image;
};

#define CALL extern "C" EMULATOR_API nvrtcResult

CALL nvrtcVersion(int* major, int* minor) {
  if (!major || !minor) {
    return NVRTC_ERROR_INVALID_INPUT;
  }
  *major = 13;
  *minor = 0;
  return NVRTC_SUCCESS;
}

extern "C" EMULATOR_API const char* nvrtcGetErrorString(nvrtcResult result) {
  const char* name = statusName("NVRTC_", result);
  return name ? name : "NVRTC_ERROR unknown";
}

CALL nvrtcCreateProgram(
    nvrtcProgram* program, const char* source, const char* name, int count,
    const char* const* headers, const char* const* names) {
  if (!program || !source || count < 0 || (count > 0 && (!headers || !names))) {
    return NVRTC_ERROR_INVALID_INPUT;
  }
  auto* created = new nvrtcProgramObject();
  created->source = source;
  created->name = name ? name : "default_program";
  for (int i = 0; i < count; i++) {
    created->headers.push_back({names[i], headers[i]});
  }
  *program = created;
  return NVRTC_SUCCESS;
}

CALL nvrtcDestroyProgram(nvrtcProgram* program) {
  if (!program || !*program) {
    return NVRTC_ERROR_INVALID_PROGRAM;
  }
  delete *program;
  *program = nullptr;
  return NVRTC_SUCCESS;
}

static bool known(const std::string& name, const std::string& text, std::string* log) {
  const Source* source = findSource(name.c_str());
  if (source && source->hash == hashOf(text.data(), text.size())) {
    return true;
  }
  *log += name + "(1): error: the emulator was built from " +
          (source ? "another version of this source" : "no such source") +
          "; build it again with make -C native emulator\n";
  return false;
}

// Each #include "x" must be among the headers.
static bool complete(const nvrtcProgram program, const std::string& text, std::string* log) {
  bool all = true;
  for (size_t at = 0; (at = text.find("#include \"", at)) != std::string::npos;) {
    at += strlen("#include \"");
    std::string wanted = text.substr(at, text.find('"', at) - at);
    bool found = false;
    for (auto& [name, header] : program->headers) {
      found |= name == wanted;
    }
    if (!found) {
      *log += program->name + ": catastrophic error: cannot open source file \"" + wanted + "\"\n";
      all = false;
    }
  }
  return all;
}

CALL nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options) {
  std::lock_guard<std::recursive_mutex> hold(lock());
  if (!program) {
    return NVRTC_ERROR_INVALID_PROGRAM;
  }
  int architecture = 0;
  program->log.clear();
  program->image.clear();
  for (int i = 0; i < count; i++) {
    std::string option = options[i];
    size_t sm = option.find("=sm_");
    if (option.rfind("--gpu-architecture=", 0) == 0 || option.rfind("-arch=", 0) == 0) {
      architecture = sm == std::string::npos ? 0 : atoi(option.c_str() + sm + 4);
    } else if (option[0] != '-') {
      program->log = "nvrtc: error: unrecognized option " + option + " found\n";
      return NVRTC_ERROR_INVALID_OPTION;
    }
  }
  if (architecture < 75) {
    program->log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
    return NVRTC_ERROR_INVALID_OPTION;
  }
  bool good = known(program->name, program->source, &program->log) &&
              complete(program, program->source, &program->log);
  for (auto& [name, text] : program->headers) {
    good = good && known(name, text, &program->log) && complete(program, text, &program->log);
  }
  if (good && fails("fail_compile_at")) {
    program->log = program->name + "(1): error: this compilation was to fail\n";
    good = false;
  }
  if (!good) {
    return NVRTC_ERROR_COMPILATION;
  }
  char image[256];
  snprintf(image, sizeof image, IMAGE, program->name.c_str(),
           hashOf(program->source.data(), program->source.size()), architecture);
  program->image = image;
  return NVRTC_SUCCESS;
}

CALL nvrtcGetProgramLogSize(nvrtcProgram program, size_t* bytes) {
  if (!program || !bytes) {
    return NVRTC_ERROR_INVALID_INPUT;
  }
  *bytes = program->log.size() + 1;
  return NVRTC_SUCCESS;
}

CALL nvrtcGetProgramLog(nvrtcProgram program, char* log) {
  if (!program || !log) {
    return NVRTC_ERROR_INVALID_INPUT;
  }
  memcpy(log, program->log.c_str(), program->log.size() + 1);
  return NVRTC_SUCCESS;
}

CALL nvrtcGetCUBINSize(nvrtcProgram program, size_t* bytes) {
  if (!program || !bytes || program->image.empty()) {
    return NVRTC_ERROR_INVALID_INPUT;
  }
  *bytes = program->image.size() + 1;
  return NVRTC_SUCCESS;
}

CALL nvrtcGetCUBIN(nvrtcProgram program, char* image) {
  if (!program || !image || program->image.empty()) {
    return NVRTC_ERROR_INVALID_INPUT;
  }
  memcpy(image, program->image.c_str(), program->image.size() + 1);
  return NVRTC_SUCCESS;
}
