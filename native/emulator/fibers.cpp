// Threads of a block as fibers. A fiber runs threads to their end, one after another, until one of
// them meets a barrier: only then does the next thread need a fiber of its own. So kernels without
// barriers cost no switch at all. A thread that waits for others that will never come is an error.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <vector>

#include "emulator.h"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

Index threadIndex, blockIndex, blockSize, gridSize;
char* dynamicShared;

namespace {

constexpr size_t STACK = 128 << 10;
constexpr size_t SHARED = 256 << 10;
constexpr size_t PAGE = 4096;

struct Warp {
  unsigned size = 0;
  unsigned arrived = 0;
  unsigned generation = 0;
  uint64_t values[2][32];
};

struct Fiber {
#if defined(__x86_64__)
  void* stackPointer = nullptr;
#else
  ucontext_t context;
#endif
  char* stack = nullptr;
  unsigned thread = 0;
  const unsigned* waitsFor = nullptr; // a generation
  unsigned since = 0;                 // its value when the wait began
  bool finished = false;
};

struct Block {
  const Launch* launch = nullptr;
  unsigned threads = 0;
  unsigned next = 0; // the first thread that has not begun
  unsigned arrived = 0;
  unsigned generation = 0;
  int predicate[2] = {0, 0};
  std::vector<Warp> warps;
};

Block block;
std::vector<Fiber*> fibers;
Fiber scheduler;
Fiber* current;
char* sharedEnd;

// ---- switching

#if defined(__x86_64__)
extern "C" void emulatorSwitch(void** from, void* to);
asm(R"(
.text
.globl emulatorSwitch
.hidden emulatorSwitch
.type emulatorSwitch, @function
emulatorSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulatorSwitch, .-emulatorSwitch
)");
#endif

void switchTo(Fiber* from, Fiber* to) {
#if defined(__x86_64__)
  emulatorSwitch(&from->stackPointer, to->stackPointer);
#else
  swapcontext(&from->context, &to->context);
#endif
}

void place(unsigned thread) {
  threadIndex = {thread % blockSize.x, thread / blockSize.x % blockSize.y,
                 thread / blockSize.x / blockSize.y};
}

void body() {
  for (;;) {
    Fiber* self = current;
    place(self->thread);
    block.launch->kernel->call(block.launch->kernel->function, block.launch->arguments);
    if (block.next < block.threads) {
      self->thread = block.next++;
      continue;
    }
    self->finished = true;
    switchTo(self, &scheduler);
  }
}

void prepare(Fiber* fiber) {
  if (!fiber->stack) {
    fiber->stack = (char*)mmap(
        nullptr, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(fiber->stack, PAGE, PROT_NONE); // a stack that overflows faults
  }
#if defined(__x86_64__)
  void** top = (void**)(fiber->stack + STACK + PAGE);
  *--top = nullptr; // keeps the stack as aligned as a call does
  *--top = (void*)body;
  top -= 6;
  memset(top, 0, 6 * sizeof(void*));
  fiber->stackPointer = top;
#else
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack + PAGE;
  fiber->context.uc_stack.ss_size = STACK;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, body, 0);
#endif
}

void wait(const unsigned* generation, unsigned since) {
  Fiber* self = current;
  self->waitsFor = generation;
  self->since = since;
  switchTo(self, &scheduler);
  place(self->thread);
}

// ---- faults

thread_local sigjmp_buf* recovery;
thread_local uintptr_t faultAddress;
thread_local int faultSignal;
const char* failure; // why a thread of the kernel gave up
struct sigaction previous[NSIG];

void onSignal(int number, siginfo_t* info, void* context) {
  if (recovery) {
    faultAddress = (uintptr_t)info->si_addr;
    faultSignal = number;
    siglongjmp(*recovery, 1);
  }
  struct sigaction& old = previous[number]; // of the process that loaded us: a JVM needs its own
  if (old.sa_flags & SA_SIGINFO) {
    old.sa_sigaction(number, info, context);
  } else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) {
    old.sa_handler(number);
  } else {
    signal(number, SIG_DFL); // the instruction faults again, and ends the process
  }
}

void catchFaults() {
  for (int number : {SIGSEGV, SIGBUS, SIGFPE}) {
    struct sigaction now;
    sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == onSignal) {
      continue;
    }
    struct sigaction ours = {};
    ours.sa_sigaction = onSignal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&ours.sa_mask);
    previous[number] = now;
    sigaction(number, &ours, nullptr);
  }
}

[[noreturn]] void giveUp(const char* why) {
  failure = why;
  faultSignal = 0;
  siglongjmp(*recovery, 1);
}

void runBlock() {
  for (Warp& warp : block.warps) {
    warp.arrived = 0;
  }
  block.next = 0;
  block.arrived = 0;
  size_t started = 0;
  while (block.next < block.threads) {
    if (started == fibers.size()) {
      fibers.push_back(new Fiber());
    }
    Fiber* fiber = fibers[started++];
    prepare(fiber);
    fiber->thread = block.next++;
    fiber->finished = false;
    fiber->waitsFor = nullptr;
    current = fiber;
    switchTo(&scheduler, fiber);
  }
  for (;;) {
    bool moved = false;
    bool waiting = false;
    for (size_t i = 0; i < started; i++) {
      Fiber* fiber = fibers[i];
      if (fiber->finished) {
        continue;
      }
      if (*fiber->waitsFor == fiber->since) {
        waiting = true;
        continue;
      }
      moved = true;
      current = fiber;
      switchTo(&scheduler, fiber);
      waiting |= !fiber->finished;
    }
    if (!waiting) {
      return;
    }
    if (!moved) {
      giveUp("some threads wait at a barrier that the others never reach");
    }
  }
}

void runBlocks(const Launch& launch) {
  block.launch = &launch;
  gridSize = launch.grid;
  blockSize = launch.block;
  block.threads = launch.block.x * launch.block.y * launch.block.z;
  block.generation = 0;
  block.predicate[0] = block.predicate[1] = 0;
  block.warps.assign((block.threads + 31) / 32, Warp());
  for (size_t w = 0; w < block.warps.size(); w++) {
    block.warps[w].size = block.threads - 32 * (unsigned)w;
    block.warps[w].size = block.warps[w].size < 32 ? block.warps[w].size : 32;
  }
  if (!sharedEnd) {
    char* pages = (char*)mmap(
        nullptr, SHARED + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sharedEnd = pages + SHARED;
    mprotect(sharedEnd, PAGE, PROT_NONE);
  }
  dynamicShared = sharedEnd - (launch.shared + 15) / 16 * 16;
  for (unsigned z = 0; z < launch.grid.z; z++) {
    for (unsigned y = 0; y < launch.grid.y; y++) {
      for (unsigned x = 0; x < launch.grid.x; x++) {
        blockIndex = {x, y, z};
        memset(dynamicShared, 0xFF, launch.shared); // NaN: shared memory begins with anything
        runBlock();
      }
    }
  }
}

std::string faultText() {
  if (faultSignal == 0) {
    return failure;
  }
  if (faultSignal == SIGFPE) {
    return "a division by zero";
  }
  uintptr_t shared = (uintptr_t)sharedEnd;
  if (sharedEnd && faultAddress >= shared && faultAddress < shared + PAGE) {
    return "dynamic shared memory was touched " + std::to_string(faultAddress - shared) +
           " bytes after its end";
  }
  return "memory was touched at " + describe(faultAddress);
}

}  // namespace

int syncThreads(int predicate) {
  unsigned generation = block.generation;
  block.predicate[generation & 1] |= predicate;
  if (++block.arrived == block.threads) {
    block.arrived = 0;
    block.predicate[(generation + 1) & 1] = 0;
    block.generation++;
  } else {
    wait(&block.generation, generation);
  }
  return block.predicate[generation & 1];
}

static unsigned linear() {
  return threadIndex.x + blockSize.x * (threadIndex.y + blockSize.y * threadIndex.z);
}

unsigned lane() { return linear() % 32; }

unsigned lanes() { return block.warps[linear() / 32].size; }

unsigned checkedLane(unsigned lane) {
  if (lane >= lanes()) {
    giveUp("a shuffle reads a lane without a thread: blocks must be multiples of 32 threads");
  }
  return lane;
}

const uint64_t* exchange(unsigned mask, uint64_t value) {
  if (mask != 0xffffffffu) {
    giveUp("a warp exchanges with a mask that is not full, which the emulator does not know");
  }
  Warp& warp = block.warps[linear() / 32];
  unsigned generation = warp.generation;
  warp.values[generation & 1][lane()] = value;
  if (++warp.arrived == warp.size) {
    warp.arrived = 0;
    warp.generation++;
  } else {
    wait(&warp.generation, generation);
  }
  return warp.values[generation & 1];
}

bool guarded(const std::function<void()>& work, std::string* why) {
  catchFaults();
  sigjmp_buf here;
  sigjmp_buf* outer = recovery;
  if (sigsetjmp(here, 1)) {
    recovery = outer;
    *why = faultText();
    return false;
  }
  recovery = &here;
  work();
  recovery = outer;
  return true;
}

bool run(const Launch& launch, std::string* why) {
  return guarded([&] { runBlocks(launch); }, why);
}

}  // namespace emulator
