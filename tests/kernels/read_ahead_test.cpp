#include "kernels/read_ahead.h"

#include <gtest/gtest.h>

namespace hearth::kernels {
namespace {

class ReadAheadTest : public testing::Test {
 protected:
  // Begins the product of `matrix`, which starts at its own address.
  const ReadAhead::Starts* begin(const std::uint8_t& matrix) {
    return read_ahead_.begin(&matrix, [&] { return ReadAhead::Starts{{{&matrix, nullptr}}}; });
  }
  static bool is_of(const ReadAhead::Starts* starts, const std::uint8_t& matrix) {
    return starts != nullptr && starts->at(0).places[0] == &matrix;
  }

  ReadAhead read_ahead_;
  std::uint8_t a_{}, b_{}, c_{};
};

TEST_F(ReadAheadTest, WhatFollowedTheLastTimeIsExpected) {
  EXPECT_EQ(begin(a_), nullptr);
  EXPECT_EQ(begin(b_), nullptr);
  EXPECT_TRUE(is_of(begin(a_), b_));
  EXPECT_TRUE(is_of(begin(b_), a_));
}

TEST_F(ReadAheadTest, AnotherOrderIsLearnt) {
  begin(a_);
  begin(b_);
  begin(a_);
  begin(c_);
  EXPECT_TRUE(is_of(begin(a_), c_));
}

TEST_F(ReadAheadTest, OneMatrixAgainAndAgainExpectsItself) {
  begin(a_);
  begin(a_);
  EXPECT_TRUE(is_of(begin(a_), a_));
}

}  // namespace
}  // namespace hearth::kernels
