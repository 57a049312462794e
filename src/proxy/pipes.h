// Pipes for splice(2), lent while bytes are under way: an idle connection holds none.
#pragma once
#include <memory>
#include <vector>

#include "base/unique_fd.h"

namespace sbx::proxy {

struct Pipe {
  UniqueFd read, write;
  std::size_t filled = 0;
};

class Pipes {
 public:
  static constexpr int wanted_size = 1 << 18;
  std::unique_ptr<Pipe> take();  // null: no descriptor left
  // One with bytes in it is closed.
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  static constexpr std::size_t most_idle = 16;
  std::vector<std::unique_ptr<Pipe>> idle_;
};

}  // namespace sbx::proxy
