// Words for the child's fixed failure records.
#pragma once
#include "base/result.h"
#include "launch/channel.h"
#include "launch/child_program.h"

namespace sbx {
// Names the path, limit or capability at fault with where it was asked for, the cause and the way out.
Error explain_failure(const Message& failure, const ChildProgram& program);
// For a child that ended without a word.
Error explain_silence(int code, int status);
}  // namespace sbx
