// The fixture of tests with SmolLM2, which HEARTH_TEST_MODELS names; ./test sets it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "engine/engine.h"

namespace hearth::engine {

class SmolLm2Test : public testing::Test {
 protected:
  void SetUp() override {
    const char* directory = std::getenv("HEARTH_TEST_MODELS");
    if (directory == nullptr) GTEST_SKIP() << "HEARTH_TEST_MODELS is not set: ./test sets it";
    path_ = std::filesystem::path(directory) / "smollm2-135m-q4_1.gguf";
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << path_ << " is not there";
  }

  std::unique_ptr<Engine> load(EngineOptions options = {}, int threads = 2) const {
    if (options.context_tokens == 0) options.context_tokens = 512;
    return Engine::load(std::make_shared<Compute>(threads), path_, options);
  }

  std::filesystem::path path_;
};

}  // namespace hearth::engine
