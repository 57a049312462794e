#include "filter/number_tree.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>

namespace sbx {
namespace {

struct Part {
  std::uint32_t first;
  const Bpf* rules;
  std::uint32_t result;
};

void append(Bpf& program, const Bpf& more) { std::ranges::copy(more, std::back_inserter(program)); }

Bpf program_of(std::span<const Part> parts) {
  if (parts.size() == 1) {
    Bpf leaf = *parts[0].rules;
    leaf.push_back(bpf_statement(BPF_RET | BPF_K, parts[0].result));
    return leaf;
  }
  const auto middle = parts.size() / 2;
  const auto below = program_of(parts.first(middle)), above = program_of(parts.subspan(middle));
  const auto code = BPF_JMP | BPF_JGE | BPF_K;
  Bpf program;
  // The jump of a comparison reaches 255 instructions.
  if (below.size() <= std::numeric_limits<std::uint8_t>::max()) {
    program.push_back(bpf_jump(code, parts[middle].first, below.size(), 0));
  } else {
    program.push_back(bpf_jump(code, parts[middle].first, 0, 1));
    program.push_back(bpf_statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(below.size())));
  }
  append(program, below);
  append(program, above);
  return program;
}

}  // namespace

void NumberTree::cut(std::uint32_t at) {
  const auto next = leaves_.upper_bound(at);
  if (std::prev(next)->first != at) leaves_.emplace_hint(next, at, std::prev(next)->second);
}

void NumberTree::answer(std::uint32_t first, std::uint32_t last, std::uint32_t result) {
  cut(first);
  if (last != std::numeric_limits<std::uint32_t>::max()) cut(last + 1);
  for (auto leaf = leaves_.find(first); leaf != leaves_.end() && leaf->first <= last; ++leaf) leaf->second.result = result;
}

void NumberTree::add_rule(std::uint32_t number, const Bpf& rule) {
  cut(number);
  if (number != std::numeric_limits<std::uint32_t>::max()) cut(number + 1);
  append(leaves_[number].rules, rule);
}

Bpf NumberTree::program() const {
  std::vector<Part> parts;
  for (const auto& [first, leaf] : leaves_) {
    const bool same = !parts.empty() && parts.back().rules->empty() && leaf.rules.empty() && parts.back().result == leaf.result;
    if (!same) parts.push_back({first, &leaf.rules, leaf.result});
  }
  return program_of(parts);
}

}  // namespace sbx
