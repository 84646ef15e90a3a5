// Ownership of an object of a C library, which has a function to free it. Thread-safety: that of the object.
#pragma once

#include <memory>

namespace hearth {

template <auto Free>
struct CDeleter {
  template <typename Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

// As std::unique_ptr.
template <typename Object, auto Free>
using CObject = std::unique_ptr<Object, CDeleter<Free>>;

}  // namespace hearth
