// Between a scheduler's steps: pages of prompts' beginnings come from the disk instead of being computed.
//
// A sequence that was just admitted waits here while others run. Pages come in pieces, for one sequence at a
// time, so that little memory is on its way and who shares a beginning finds it in memory. Who has waited too
// long for the next piece, or finds no room in the cache, is computed like any other. Thread-safety: none;
// the scheduler's thread owns it.
#pragma once

#include <list>

#include "engine/sequence.h"

namespace hearth::engine {

class DiskReader {
 public:
  DiskReader(DiskCache& disk, KeyValueCache& cache, PrefixCache& prefixes)
      : disk_(disk), cache_(cache), prefixes_(prefixes) {}

  // Hands out what has come and asks for more. True where nothing else is to be done now: nobody runs but who
  // waits; then a moment has passed.
  bool proceed(std::list<Sequence>& running);

 private:
  void begin(Sequence& sequence);
  void read_on(Sequence& sequence);
  void take(Sequence& sequence);

  DiskCache& disk_;
  KeyValueCache& cache_;
  PrefixCache& prefixes_;
};

}  // namespace hearth::engine
