#include "catch.h"
#include "launch/receipt.h"
#include "launch/receipt_text.h"

using namespace sbx;

TEST_CASE("a field of /proc/PID/status is found by its whole name", "[receipt]") {
  constexpr std::string_view status =
      "Name:\tSeccomp\nUid:\t1001\t1001\t1001\t1001\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";
  CHECK(status_field(status, "Seccomp") == "2");
  CHECK(status_field(status, "Seccomp_filters") == "3");
  CHECK(status_field(status, "Uid") == "1001\t1001\t1001\t1001");
  CHECK(status_field(status, "CapEff") == std::nullopt);
  CHECK(status_field("", "Seccomp") == std::nullopt);
}

TEST_CASE("an id map is compared whole, whatever its order and its blanks", "[receipt]") {
  CHECK(map_line("     65534       1001          1\n") == "65534 1001 1");
  CHECK(map_line("         0     100000      65536\n     65536       1001          1\n") ==
        map_line(std::vector<IdMap>{{65536, 1001, 1}, {0, 100000, 65536}}));
  CHECK(map_line("") == "");
  CHECK(map_line("0 0 4294967295\n") != map_line(std::vector<IdMap>{{0, 0, 1}}));
}

TEST_CASE("a capability set is written as the kernel writes it", "[receipt]") {
  CHECK(capability_set(0) == "0000000000000000");
  CHECK(capability_set(0x1ffffffffffULL) == "000001ffffffffff");
}

TEST_CASE("mountinfo gives the last mount on a point, with its escapes undone", "[receipt]") {
  const MountTable table = mount_table(
      "1 0 0:30 / / ro,nosuid - tmpfs tmpfs rw\n"
      "2 1 0:31 / /a\\040b rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n"
      "3 1 0:32 / /a\\040b ro,nosuid,nodev - tmpfs tmpfs ro,size=4k\n"
      "broken line\n");
  REQUIRE(table.size() == 2);
  const auto found = table.find("/a b");
  REQUIRE(found != table.end());
  CHECK(found->second.type == "tmpfs");
  CHECK(found->second.options == "ro,nosuid,nodev");
  CHECK(found->second.super_options == "ro,size=4k");
}

TEST_CASE("a mount falls short where it is absent, of another type or lacks a flag", "[receipt]") {
  const MountTable table = mount_table("1 0 0:30 / /usr ro,nosuid,nodev,relatime - ext4 /dev/vda rw\n");
  const auto shortfall = [&](const MountOperation& operation) {
    const auto expected = expected_mount(operation);
    return expected ? mount_shortfall(table, *expected) : std::string("nothing to find");
  };
  CHECK(shortfall(BindTree{.source = "/usr", .target = "/usr"}) == "");
  CHECK(shortfall(BindTree{.source = "/opt", .target = "/opt"}) == "not mounted");
  CHECK(shortfall(BindTree{.source = "/usr", .target = "/usr", .no_exec = true}) == "noexec is missing");
  CHECK(shortfall(MountTmpfs{.target = "/usr"}) == "a ext4 is mounted there");
  CHECK(shortfall(SealReadOnly{"/usr"}) == "");
  CHECK(shortfall(MakeDirectory{"/usr"}) == "nothing to find");
}

TEST_CASE("a receipt falls short of what is required by an item that isn't enforced, or by none at all", "[receipt]") {
  const std::vector<ReceiptItem> receipt = {
      {"user", "new user namespace", "user:[1]", true},
      {"memory", "memory.max=1048576", "max", false},
      {"capabilities", "CapEff=0", "0", true},
  };
  CHECK(require_receipt(receipt, {}).has_value());
  CHECK(require_receipt(receipt, {"user", "capabilities"}).has_value());
  const auto memory = require_receipt(receipt, {"user", "memory"});
  REQUIRE_FALSE(memory.has_value());
  CHECK(memory.error().step == Step::verify_receipt);
  CHECK(memory.error().what.find("memory.max=1048576") != std::string::npos);
  CHECK_FALSE(require_receipt(receipt, {"landlock"}).has_value());
}
