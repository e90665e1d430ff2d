// Run by make: prints a line of sources.inc for each file named.
#include <stdio.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <string>

#include "sources.h"

int main(int count, char** files) {
  for (int i = 1; i < count; i++) {
    std::ifstream in(files[i], std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in || text.empty()) {
      fprintf(stderr, "hash: cannot read %s\n", files[i]);
      return 1;
    }
    const char* slash = strrchr(files[i], '/');
    printf("{\"%s\", 0x%016llxull},\n", slash ? slash + 1 : files[i],
           emulator::hashOf(text.data(), text.size()));
  }
}
