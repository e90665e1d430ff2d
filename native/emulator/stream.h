// Streams, events and graphs behind the driver's calls of these names.
#pragma once

#include "emulator.h"

namespace emulator {

CUresult createStream(CUstream* out, unsigned flags);
CUresult destroyStream(CUstream stream);
CUresult synchronize(CUstream stream);

CUresult createEvent(CUevent* out);
CUresult destroyEvent(CUevent event);
CUresult recordEvent(CUevent event, CUstream stream);
CUresult waitEvent(CUstream stream, CUevent event);
CUresult synchronizeEvent(CUevent event);

CUresult beginCapture(CUstream stream);
CUresult endCapture(CUstream stream, CUgraph* out);
CUresult instantiate(CUgraphExec* out, CUgraph graph);
CUresult launchGraph(CUgraphExec graph, CUstream stream);
CUresult destroyGraph(void* graph);

}  // namespace emulator
