// Streams. Work is not done when it is asked for but as late as CUDA allows: when somebody
// synchronises. A result that is read too early, or a missing wait between two streams, so becomes
// visible, which on a fast GPU it might not.
#include <deque>
#include <memory>
#include <set>
#include <vector>

#include "stream.h"

namespace emulator {
namespace {

struct Graph {
  std::vector<Work> work;
};

struct Stream {
  std::deque<Work> waiting;
  unsigned long submitted = 0;
  unsigned long done = 0;
  bool blocking = true;
  Graph* capture = nullptr;
  bool origin = false;
};

struct Event {
  Stream* stream = nullptr; // of the last record
  unsigned long at = 0;
  Graph* capture = nullptr;
};

struct All {
  Stream standard;
  std::set<Stream*> streams;
  std::set<Event*> events;
  std::set<Graph*> graphs; // and executable ones
  bool captureBroken = false;
};

All& all() {
  static auto* a = new All();
  return *a;
}

Stream* find(CUstream handle) {
  if (handle == nullptr) {
    return &all().standard;
  }
  Stream* stream = (Stream*)handle;
  return all().streams.count(stream) ? stream : nullptr;
}

Event* find(CUevent handle) {
  Event* event = (Event*)handle;
  return all().events.count(event) ? event : nullptr;
}

CUresult catchUp(Stream* stream, unsigned long upTo) {
  while (stream->done < upTo && !stream->waiting.empty()) {
    Work work = std::move(stream->waiting.front());
    stream->waiting.pop_front();
    stream->done++;
    if (sticky() != CUDA_SUCCESS) {
      continue; // after a fault nothing more is done
    }
    CUresult result = work();
    if (result != CUDA_SUCCESS) {
      makeSticky(result);
    }
  }
  return sticky();
}

CUresult catchUpAll(bool onlyBlocking) {
  catchUp(&all().standard, all().standard.submitted);
  for (Stream* stream : all().streams) {
    if (!onlyBlocking || stream->blocking) {
      catchUp(stream, stream->submitted);
    }
  }
  return sticky();
}

}  // namespace

CUresult enqueue(CUstream handle, Work work) {
  Stream* stream = find(handle);
  if (!stream) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (stream->capture) {
    stream->capture->work.push_back(std::move(work));
    return CUDA_SUCCESS;
  }
  if (stream == &all().standard) { // waits for the others, and they for it
    if (capturing()) {
      invalidateCapture();
      return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    }
    catchUpAll(true);
  }
  stream->waiting.push_back(std::move(work));
  stream->submitted++;
  if (stream == &all().standard) {
    catchUp(stream, stream->submitted);
  }
  return CUDA_SUCCESS;
}

CUresult flush() { return catchUpAll(false); }

bool capturing() {
  for (Stream* stream : all().streams) {
    if (stream->capture) {
      return true;
    }
  }
  return false;
}

void invalidateCapture() { all().captureBroken = true; }

void forgetStreams() {
  for (Stream* stream : all().streams) {
    stream->waiting.clear();
    stream->done = stream->submitted;
    stream->capture = nullptr;
  }
  all().captureBroken = false;
}

CUresult createStream(CUstream* out, unsigned flags) {
  auto* stream = new Stream();
  stream->blocking = !(flags & CU_STREAM_NON_BLOCKING);
  all().streams.insert(stream);
  *out = (CUstream)stream;
  return CUDA_SUCCESS;
}

CUresult destroyStream(CUstream handle) {
  Stream* stream = find(handle);
  if (!stream || handle == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  catchUp(stream, stream->submitted);
  for (Event* event : all().events) {
    event->stream = event->stream == stream ? nullptr : event->stream;
  }
  all().streams.erase(stream);
  delete stream;
  return CUDA_SUCCESS;
}

CUresult synchronize(CUstream handle) {
  Stream* stream = find(handle);
  if (!stream) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (stream->capture) {
    invalidateCapture();
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return catchUp(stream, stream->submitted);
}

CUresult createEvent(CUevent* out) {
  auto* event = new Event();
  all().events.insert(event);
  *out = (CUevent)event;
  return CUDA_SUCCESS;
}

CUresult destroyEvent(CUevent handle) {
  Event* event = find(handle);
  if (!event) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  all().events.erase(event);
  delete event;
  return CUDA_SUCCESS;
}

CUresult recordEvent(CUevent handle, CUstream streamHandle) {
  Event* event = find(handle);
  Stream* stream = find(streamHandle);
  if (!event || !stream) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  event->capture = stream->capture;
  if (stream->capture) {
    return CUDA_SUCCESS; // the graph keeps the order of asking, which is right already
  }
  CUresult result = enqueue(streamHandle, [] { return CUDA_SUCCESS; });
  event->stream = stream;
  event->at = stream->submitted;
  return result;
}

CUresult waitEvent(CUstream streamHandle, CUevent handle) {
  Event* event = find(handle);
  Stream* stream = find(streamHandle);
  if (!event || !stream) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (event->capture) {
    if (stream->capture && stream->capture != event->capture) {
      return CUDA_ERROR_STREAM_CAPTURE_MERGE;
    }
    stream->capture = event->capture; // the stream joins
    return CUDA_SUCCESS;
  }
  if (stream->capture) {
    invalidateCapture();
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
  }
  if (!event->stream) {
    return CUDA_SUCCESS;
  }
  return enqueue(streamHandle, [other = event->stream, at = event->at] {
    return all().streams.count(other) || other == &all().standard ? catchUp(other, at)
                                                                    : CUDA_SUCCESS;
  });
}

CUresult synchronizeEvent(CUevent handle) {
  Event* event = find(handle);
  if (!event) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (event->capture) {
    invalidateCapture();
    return CUDA_ERROR_CAPTURED_EVENT;
  }
  return event->stream ? catchUp(event->stream, event->at) : CUDA_SUCCESS;
}

CUresult beginCapture(CUstream handle) {
  Stream* stream = find(handle);
  if (!stream) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (handle == nullptr) {
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  if (stream->capture) {
    return CUDA_ERROR_ILLEGAL_STATE;
  }
  stream->capture = new Graph();
  stream->origin = true;
  all().graphs.insert(stream->capture);
  all().captureBroken = false;
  return CUDA_SUCCESS;
}

CUresult endCapture(CUstream handle, CUgraph* out) {
  Stream* stream = find(handle);
  if (!stream || !out) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (!stream->capture) {
    return CUDA_ERROR_ILLEGAL_STATE;
  }
  if (!stream->origin) {
    return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  }
  Graph* graph = stream->capture;
  stream->origin = false;
  for (Stream* joined : all().streams) {
    joined->capture = joined->capture == graph ? nullptr : joined->capture;
  }
  if (all().captureBroken) {
    all().captureBroken = false;
    all().graphs.erase(graph);
    delete graph;
    *out = nullptr;
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  *out = (CUgraph)graph;
  return CUDA_SUCCESS;
}

CUresult instantiate(CUgraphExec* out, CUgraph handle) {
  if (!all().graphs.count((Graph*)handle)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  auto* copy = new Graph(*(Graph*)handle);
  all().graphs.insert(copy);
  *out = (CUgraphExec)copy;
  return CUDA_SUCCESS;
}

CUresult launchGraph(CUgraphExec handle, CUstream stream) {
  if (!all().graphs.count((Graph*)handle)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (const Work& work : ((Graph*)handle)->work) {
    CUresult result = enqueue(stream, work);
    if (result != CUDA_SUCCESS) {
      return result;
    }
  }
  return CUDA_SUCCESS;
}

CUresult destroyGraph(void* handle) {
  if (!all().graphs.erase((Graph*)handle)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  delete (Graph*)handle;
  return CUDA_SUCCESS;
}

}  // namespace emulator
